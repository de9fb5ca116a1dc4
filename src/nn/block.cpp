// SPDX-License-Identifier: Apache-2.0
#include "src/nn/block.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "kernels/attention/attention.h"
#include "kernels/common/path.h"
#include "kernels/residual_norm/residual_norm.h"
#include "src/base/trace.h"

namespace vggt::nn {

Block::Block(const BlockOptions& options) {
  const int64_t channels = options.channels;
  const auto hidden = static_cast<int64_t>(static_cast<double>(channels) * options.mlp_ratio);
  norm1 = register_module("norm1", std::make_shared<LayerNorm>(channels, options.eps));
  attn = register_module(
      "attn", std::make_shared<Attention>(channels, options.heads, options.qk_norm, options.eps));
  ls1 = register_module("ls1", std::make_shared<LayerScale>(channels));
  norm2 = register_module("norm2", std::make_shared<LayerNorm>(channels, options.eps));
  mlp = register_module("mlp", std::make_shared<Mlp>(channels, hidden, channels));
  ls2 = register_module("ls2", std::make_shared<LayerScale>(channels));
}

at::Tensor Block::forward(const at::Tensor& x, const kernels::RopeTables* rope) const {
  trace("in", x);
  at::Tensor update = norm1->forward(x);
  trace("norm1", update);
  update = attn->forward(update, rope);
  trace("attn_out", update);
  const at::Tensor middle = ls1->add(x, update);
  update = mlp->forward(norm2->forward(middle));
  trace("mlp_out", update);
  return ls2->add(middle, update);
}

void Block::update(at::Tensor& x, const kernels::RopeTables* rope, int64_t tokens_at_a_time) const {
  // A listener is told of whole tensors; gradients need what x was.
  if (tracing() || kernels::path() == kernels::Path::kPlain ||
      (c10::GradMode::is_enabled() && x.requires_grad())) {
    x = forward(x, rope);
    return;
  }
  const int64_t groups = x.size(0);
  const int64_t tokens = x.size(1);
  if (groups > 1 && groups * tokens > tokens_at_a_time) {
    const int64_t step = std::max<int64_t>(1, tokens_at_a_time / tokens);
    for (int64_t begin = 0; begin < groups; begin += step) {
      at::Tensor part = x.slice(0, begin, begin + step);
      kernels::RopeTables own;
      // The tables of one group serve all, or there are as many as groups.
      if (rope && rope->cos.size(0) > 1) {
        own = {rope->cos.slice(0, begin, begin + step), rope->sin.slice(0, begin, begin + step)};
      }
      update(part, own.cos.defined() ? &own : rope, tokens_at_a_time);
    }
    return;
  }

  const at::Tensor attended = attend(x, rope, tokens_at_a_time);
  const at::ScalarType products = mlp->fc1->weight.scalar_type();
  const int64_t step = groups > 1 ? tokens : std::min(tokens, tokens_at_a_time);
  for (int64_t begin = 0; begin < tokens; begin += step) {
    at::Tensor part = x.slice(1, begin, begin + step);
    const at::Tensor normed =
        kernels::residual_norm(part,
                               attn->proj->forward_wide(attended.slice(1, begin, begin + step)),
                               ls1->gamma,
                               norm2->weight,
                               norm2->bias,
                               norm2->eps,
                               products);
    part.addcmul_(mlp->forward(normed), ls2->gamma);
  }
}

// Attention over all tokens of x, before its projection: [B, N, C].
at::Tensor Block::attend(at::Tensor& x,
                         const kernels::RopeTables* rope,
                         int64_t tokens_at_a_time) const {
  const at::ScalarType products = attn->qkv->weight.scalar_type();
  const auto normed = [&](at::Tensor part) {
    return kernels::residual_norm(part, {}, {}, norm1->weight, norm1->bias, norm1->eps, products);
  };
  const int64_t groups = x.size(0);
  const int64_t tokens = x.size(1);
  kernels::Heads all;
  if (groups > 1 || tokens <= tokens_at_a_time) {
    all = attn->heads_of(normed(x), rope);
  } else {
    all = attn->empty_heads(groups, tokens, x.device());
    for (int64_t begin = 0; begin < tokens; begin += tokens_at_a_time) {
      const int64_t end = std::min(begin + tokens_at_a_time, tokens);
      const auto part = [&](const at::Tensor& t) { return t.slice(1, begin, end); };
      kernels::RopeTables own;
      if (rope) own = {part(rope->cos), part(rope->sin)};
      attn->heads_of(
          normed(part(x)), rope ? &own : nullptr, {part(all.q), part(all.k), part(all.v)});
    }
  }
  return kernels::attention(all.q, all.k, all.v);
}

}  // namespace vggt::nn
