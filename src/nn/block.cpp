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
namespace {

// Equal parts of at most so many tokens: a last one of few would be taken by another kernel.
int64_t part_of(int64_t tokens, int64_t at_a_time) {
  const int64_t parts = tokens / at_a_time + (tokens % at_a_time > 0 ? 1 : 0);
  return parts > 1 ? (tokens + parts - 1) / parts : std::max<int64_t>(tokens, 1);
}

}  // namespace

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

at::Tensor Block::forward(const at::Tensor& x,
                          const kernels::RopeTables* rope,
                          const MergeSite* merge) const {
  trace("in", x);
  at::Tensor update = norm1->forward(x);
  trace("norm1", update);
  update = attn->forward(update, rope, merge);
  trace("attn_out", update);
  const at::Tensor middle = ls1->add(x, update);
  update = mlp->forward(norm2->forward(middle));
  trace("mlp_out", update);
  return ls2->add(middle, update);
}

void Block::update(at::Tensor& x,
                   const kernels::RopeTables* rope,
                   int64_t tokens_at_a_time,
                   const MergeSite* merge) const {
  // A listener is told of whole tensors; gradients need what x was.
  if (tracing() || kernels::path() == kernels::Path::kPlain ||
      (c10::GradMode::is_enabled() && x.requires_grad())) {
    x = forward(x, rope, merge);
    return;
  }
  const int64_t groups = x.size(0);
  const int64_t tokens = x.size(1);
  const bool merges = merge && merge->acts();
  if (!merges && groups > 1 && groups * tokens > tokens_at_a_time) {
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

  // Merging projects what it has merged; else each part is projected when its turn comes.
  const at::Tensor attended =
      merges ? attend_merged(x, rope, *merge) : attend(x, rope, tokens_at_a_time);
  const at::ScalarType products = mlp->fc1->weight.scalar_type();
  const int64_t step = groups > 1 ? tokens : part_of(tokens, tokens_at_a_time);
  for (int64_t begin = 0; begin < tokens; begin += step) {
    at::Tensor part = x.slice(1, begin, begin + step);
    const at::Tensor of_part = attended.slice(1, begin, begin + step);
    const at::Tensor normed =
        kernels::residual_norm(part,
                               merges ? of_part : attn->proj->forward_wide(of_part),
                               ls1->gamma,
                               norm2->weight,
                               norm2->bias,
                               norm2->eps,
                               products);
    part.addcmul_(mlp->forward(normed), ls2->gamma);
  }
}

at::Tensor Block::normed_input(at::Tensor x) const {
  return kernels::residual_norm(
      x, {}, {}, norm1->weight, norm1->bias, norm1->eps, attn->qkv->weight.scalar_type());
}

// Attention over all tokens of x, before its projection: [B, N, C].
at::Tensor Block::attend(at::Tensor& x,
                         const kernels::RopeTables* rope,
                         int64_t tokens_at_a_time) const {
  const int64_t groups = x.size(0);
  const int64_t tokens = x.size(1);
  kernels::Heads all;
  if (groups > 1 || tokens <= tokens_at_a_time) {
    all = attn->heads_of(normed_input(x), rope);
  } else {
    all = attn->empty_heads(groups, tokens, x.device());
    const int64_t step = part_of(tokens, tokens_at_a_time);
    for (int64_t begin = 0; begin < tokens; begin += step) {
      const int64_t end = std::min(begin + step, tokens);
      const auto part = [&](const at::Tensor& t) { return t.slice(1, begin, end); };
      kernels::RopeTables own;
      if (rope) own = {part(rope->cos), part(rope->sin)};
      attn->heads_of(
          normed_input(part(x)), rope ? &own : nullptr, {part(all.q), part(all.k), part(all.v)});
    }
  }
  return kernels::attention(all.q, all.k, all.v);
}

// The same with the mergers of `merge`, projected.
at::Tensor Block::attend_merged(const at::Tensor& x,
                                const kernels::RopeTables* rope,
                                const MergeSite& merge) const {
  const at::Tensor normed = normed_input(x);
  return attn->merged(normed, attn->heads_of(normed, rope), merge);
}

}  // namespace vggt::nn
