// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/nn/attention.h"

namespace vggt::nn {

struct BlockOptions {
  int64_t channels = 0;
  int64_t heads = 0;
  double mlp_ratio = 4;
  bool qk_norm = false;
  double eps = 1e-5;  ///< of all norms of the block
};

/// The transformer block of the encoder, the aggregator and the camera head: pre-norm, with layer
/// scale.
///   x = x + ls1 * Attention(norm1(x));  x = x + ls2 * Mlp(norm2(x))
struct Block : torch::nn::Module {
  explicit Block(const BlockOptions& options);

  /// x [B, N, C], the residual stream: float (or double), whatever the dtype of the matrices.
  at::Tensor forward(const at::Tensor& x,
                     const kernels::RopeTables* rope = nullptr,
                     const MergeSite* merge = nullptr) const;

  std::shared_ptr<LayerNorm> norm1, norm2;
  std::shared_ptr<Attention> attn;
  std::shared_ptr<LayerScale> ls1, ls2;
  std::shared_ptr<Mlp> mlp;
};

}  // namespace vggt::nn
