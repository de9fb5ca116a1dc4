// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <cmath>

#include "kernels/attention/attention.h"

namespace vggt::kernels {

at::Tensor attention_reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
  const at::Tensor logits = at::matmul(q.transpose(1, 2) * scale, k.permute({0, 2, 3, 1}));
  const at::Tensor out = at::matmul(at::softmax(logits, -1), v.transpose(1, 2));
  return out.transpose(1, 2).flatten(2);
}

}  // namespace vggt::kernels
