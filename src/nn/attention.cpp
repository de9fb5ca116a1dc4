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
  if (merge && merge->acts()) return merged(x, {q, k, v}, *merge);
  return proj->forward_wide(kernels::attention(q, k, v));
}

bool MergeSite::acts() const {
  return !mergers->empty() && mergers->front().acts_at(accel::Site::kGlobal, layer);
}

at::Tensor Attention::merged(const at::Tensor& x,
                             const kernels::Heads& all,
                             const MergeSite& merge) const {
  std::vector<at::Tensor> scenes;
  for (int64_t b = 0; b < x.size(0); ++b) {
    const auto scene = [b](const at::Tensor& t) { return t.narrow(0, b, 1); };
    scenes.push_back((*merge.mergers)[static_cast<size_t>(b)].attend(
        accel::Site::kGlobal,
        merge.layer,
        scene(x),
        scene(all.q),
        scene(all.k),
        scene(all.v),
        [&](const at::Tensor& rows) { return proj->forward_wide(rows); }));
  }
  return scenes.size() == 1 ? scenes.front() : at::cat(scenes);
}

kernels::Heads Attention::heads_of(const at::Tensor& x, const kernels::RopeTables* rope) const {
  if (!q_norm && !rope) {
    const at::Tensor packed = qkv->forward(x);
    const at::Tensor parts = packed.unflatten(2, {3, heads, packed.size(2) / 3 / heads});
    return {parts.select(2, 0), parts.select(2, 1), parts.select(2, 2)};
  }
  const kernels::Heads out = empty_heads(x.size(0), x.size(1), x.device());
  heads_of(x, rope, out);
  return out;
}

void Attention::heads_of(const at::Tensor& x,
                         const kernels::RopeTables* rope,
                         const kernels::Heads& out) const {
  const auto norm = [](const std::shared_ptr<LayerNorm>& layer) {
    return layer ? kernels::HeadNorm{layer->weight, layer->bias, layer->eps} : kernels::HeadNorm{};
  };
  kernels::split_heads(qkv->forward_wide(x), norm(q_norm), norm(k_norm), rope, out);
}

kernels::Heads Attention::empty_heads(int64_t groups, int64_t tokens, at::Device device) const {
  const auto options = qkv->weight.options().device(device);
  const int64_t head_dim = qkv->weight.size(0) / 3 / heads;
  const auto part = [&] { return at::empty({groups, tokens, heads, head_dim}, options); };
  return {part(), part(), part()};
}

}  // namespace vggt::nn
