// SPDX-License-Identifier: Apache-2.0
#include "src/nn/block.h"

#include <ATen/ATen.h>

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

}  // namespace vggt::nn
