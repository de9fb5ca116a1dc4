// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "kernels/split_heads/split_heads.h"
#include "src/nn/layers.h"

namespace vggt::nn {

/// Multi-head self-attention of a ViT block: softmax(q k^T / sqrt(D)) v, projected.
/// With `qk_norm`, q and k pass a LayerNorm over the head and, given tables, the rotary embedding;
/// both in the dtype of the norm, rounded to that of v only for the products.
struct Attention : torch::nn::Module {
  Attention(int64_t channels, int64_t heads, bool qk_norm, double eps);

  /// x [B, N, C] -> [B, N, C], at least float32. `rope` is null where the model has none.
  at::Tensor forward(const at::Tensor& x, const kernels::RopeTables* rope) const;

  /// Its first part, which takes each token by itself: what the products take, [B, N, A, D] each.
  /// The second form fills `out`, a part of longer sequences.
  kernels::Heads heads_of(const at::Tensor& x, const kernels::RopeTables* rope) const;
  void heads_of(const at::Tensor& x,
                const kernels::RopeTables* rope,
                const kernels::Heads& out) const;
  /// Not filled.
  kernels::Heads empty_heads(int64_t groups, int64_t tokens, at::Device device) const;

  int64_t heads;
  std::shared_ptr<Linear> qkv, proj;
  std::shared_ptr<LayerNorm> q_norm, k_norm;  ///< null without qk_norm
};

}  // namespace vggt::nn
