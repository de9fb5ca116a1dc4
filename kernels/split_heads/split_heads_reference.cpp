// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "kernels/split_heads/split_heads.h"

namespace vggt::kernels {

void split_heads_reference(const at::Tensor& packed,
                           const HeadNorm& q_norm,
                           const HeadNorm& k_norm,
                           const RopeTables* tables,
                           const Heads& out) {
  const at::Tensor parts = packed.unflatten(2, {3, out.q.size(2), out.q.size(3)});
  const auto turned = [&](int64_t part, const HeadNorm& norm) {
    at::Tensor x = parts.select(2, part);
    if (norm.weight.defined()) {
      x = at::layer_norm(x, {x.size(3)}, norm.weight, norm.bias, norm.eps);
    }
    return tables ? rope2d(x, *tables) : x;
  };
  out.q.copy_(turned(0, q_norm));
  out.k.copy_(turned(1, k_norm));
  out.v.copy_(parts.select(2, 2));
}

}  // namespace vggt::kernels
