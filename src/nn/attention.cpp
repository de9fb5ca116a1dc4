// SPDX-License-Identifier: Apache-2.0
#include "src/nn/attention.h"

#include <ATen/ATen.h>

#include "kernels/attention/attention.h"
#include "src/accel/merger.h"
#include "src/base/trace.h"

namespace vggt::nn {

Attention::Attention(int64_t channels, int64_t heads, bool qk_norm, double eps) : heads(heads) {
  qkv = register_module("qkv", std::make_shared<Linear>(channels, 3 * channels));
  if (qk_norm) {
    q_norm = register_module("q_norm", std::make_shared<LayerNorm>(channels / heads, eps));
    k_norm = register_module("k_norm", std::make_shared<LayerNorm>(channels / heads, eps));
  }
  proj = register_module("proj", std::make_shared<Linear>(channels, channels));
}

at::Tensor Attention::forward(const at::Tensor& x,
                              const kernels::RopeTables* rope,
                              const MergeSite* merge) const {
  // What a norm follows is not rounded before it.
  const at::Tensor packed = q_norm ? qkv->forward_wide(x) : qkv->forward(x);
  trace("qkv", packed);
  // [B, N, A, D] each, as the matrix product leaves them.
  const at::Tensor parts = packed.unflatten(2, {3, heads, packed.size(2) / 3 / heads});
  at::Tensor q = parts.select(2, 0);
  at::Tensor k = parts.select(2, 1);
  const at::ScalarType dtype = qkv->weight.scalar_type();  // of the products
  const at::Tensor v = parts.select(2, 2).to(dtype);
  if (q_norm) {
    q = q_norm->forward(q);
    k = k_norm->forward(k);
    trace("q_normed", q.transpose(1, 2));
    trace("k_normed", k.transpose(1, 2));
  }
  if (rope) {
    q = kernels::rope2d(q, *rope, dtype);
    k = kernels::rope2d(k, *rope, dtype);
    trace("q_roped", q.transpose(1, 2));
    trace("k_roped", k.transpose(1, 2));
  }
  q = q.to(dtype);
  k = k.to(dtype);
  if (merge && merge->mergers->front().acts_at(accel::Site::kGlobal, merge->layer)) {
    std::vector<at::Tensor> scenes;
    for (int64_t b = 0; b < x.size(0); ++b) {
      const auto scene = [b](const at::Tensor& all) { return all.narrow(0, b, 1); };
      scenes.push_back((*merge->mergers)[static_cast<size_t>(b)].attend(
          accel::Site::kGlobal,
          merge->layer,
          scene(x),
          scene(q),
          scene(k),
          scene(v),
          [&](const at::Tensor& rows) { return proj->forward_wide(rows); }));
    }
    return scenes.size() == 1 ? scenes.front() : at::cat(scenes);
  }
  return proj->forward_wide(kernels::attention(q, k, v));
}

}  // namespace vggt::nn
