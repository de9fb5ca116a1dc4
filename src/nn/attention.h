// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "kernels/split_heads/split_heads.h"
#include "src/nn/layers.h"

namespace vggt::accel {
class Merger;
}

namespace vggt::nn {

/// Which attention of a merged pass a block is.
struct MergeSite {
  std::vector<accel::Merger>* mergers = nullptr;  ///< one per scene
  int64_t layer = 0;                              ///< of the blocks over all frames

  /// Whether anything is merged there.
  bool acts() const;
};

/// Multi-head self-attention of a ViT block: softmax(q k^T / sqrt(D)) v, projected.
/// With `qk_norm`, q and k pass a LayerNorm over the head and, given tables, the rotary embedding;
/// both in the dtype of the norm, rounded to that of v only for the products.
struct Attention : torch::nn::Module {
  Attention(int64_t channels, int64_t heads, bool qk_norm, double eps);

  /// x [B, N, C] -> [B, N, C], at least float32. `rope` is null where the model has none.
  /// `merge`: the attention may run on fewer rows; null: it does not.
  at::Tensor forward(const at::Tensor& x,
                     const kernels::RopeTables* rope,
                     const MergeSite* merge = nullptr) const;

  /// Its first part, which takes each token by itself: what the products take, [B, N, A, D] each.
  /// The second form fills `out`, a part of longer sequences.
  kernels::Heads heads_of(const at::Tensor& x, const kernels::RopeTables* rope) const;
  void heads_of(const at::Tensor& x,
                const kernels::RopeTables* rope,
                const kernels::Heads& out) const;
  /// Attention on the rows that `merge` leaves, projected and given back to all: [B, N, C].
  /// x is what the heads were made of.
  at::Tensor merged(const at::Tensor& x, const kernels::Heads& all, const MergeSite& merge) const;
  /// Not filled.
  kernels::Heads empty_heads(int64_t groups, int64_t tokens, at::Device device) const;

  int64_t heads;
  std::shared_ptr<Linear> qkv, proj;
  std::shared_ptr<LayerNorm> q_norm, k_norm;  ///< null without qk_norm
};

}  // namespace vggt::nn
