// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <cmath>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_groups.h"

namespace vggt::kernels {
namespace {

at::Tensor dense(const at::Tensor& q,
                 const at::Tensor& k,
                 const at::Tensor& v,
                 const at::Tensor& key_bias) {
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
  at::Tensor logits = at::matmul(q.transpose(1, 2) * scale, k.permute({0, 2, 3, 1}));
  if (key_bias.defined()) logits = logits + key_bias.unsqueeze(2).to(logits.scalar_type());
  // Zero, not NaN, where all logits are -inf.
  const at::Tensor out = at::matmul(at::_safe_softmax(logits, -1), v.transpose(1, 2));
  return out.transpose(1, 2).flatten(2);
}

}  // namespace

at::Tensor attention_by_group(const at::Tensor& q,
                              const at::Tensor& k,
                              const at::Tensor& v,
                              const AttentionOptions& options,
                              const DenseAttention& attend) {
  const at::Tensor q_offsets = options.q_offsets.cpu().contiguous();
  const at::Tensor k_offsets = options.k_offsets.cpu().contiguous();
  const auto* of_q = q_offsets.const_data_ptr<int32_t>();
  const auto* of_k = k_offsets.const_data_ptr<int32_t>();
  const auto zeros = [&](int64_t rows) {
    return at::zeros({1, rows, q.size(2) * q.size(3)}, q.options().requires_grad(false));
  };
  const int64_t groups = q_offsets.size(0) - 1;
  std::vector<at::Tensor> parts = {zeros(of_q[0])};
  for (int64_t g = 0; g < groups; ++g) {
    const at::Tensor queries = q.slice(1, of_q[g], of_q[g + 1]);
    if (of_k[g] == of_k[g + 1]) {
      parts.push_back(zeros(queries.size(1)));
    } else if (queries.size(1) > 0) {
      parts.push_back(attend(queries,
                             k.slice(1, of_k[g], of_k[g + 1]),
                             v.slice(1, of_k[g], of_k[g + 1]),
                             options.key_bias.defined()
                                 ? options.key_bias.slice(2, of_k[g], of_k[g + 1])
                                 : at::Tensor()));
    }
  }
  parts.push_back(zeros(q.size(1) - of_q[groups]));
  return at::cat(parts, 1);
}

at::Tensor attention_reference(const at::Tensor& q,
                               const at::Tensor& k,
                               const at::Tensor& v,
                               const AttentionOptions& options) {
  if (options.q_offsets.defined()) return attention_by_group(q, k, v, options, dense);
  return dense(q, k, v, options.key_bias);
}

}  // namespace vggt::kernels
