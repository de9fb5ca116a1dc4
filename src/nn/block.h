// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

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

  /// The same, written over x, which is contiguous: what inference takes. Only attention needs all
  /// tokens at once: what else a token is widened to (q, k and v before their norm, the MLP's hidden
  /// layer) exists for `tokens_at_a_time` tokens only. Equal to forward() up to the order of sums.
  /// With gradients, on the plain path (kernels/common/path.h) and where somebody listens to traces
  /// it is forward(), and x another tensor afterwards.
  void update(at::Tensor& x,
              const kernels::RopeTables* rope = nullptr,
              int64_t tokens_at_a_time = std::numeric_limits<int64_t>::max(),
              const MergeSite* merge = nullptr) const;

  std::shared_ptr<LayerNorm> norm1, norm2;
  std::shared_ptr<Attention> attn;
  std::shared_ptr<LayerScale> ls1, ls2;
  std::shared_ptr<Mlp> mlp;

 private:
  at::Tensor normed_input(at::Tensor x) const;
  at::Tensor attend_merged(const at::Tensor& x,
                           const kernels::RopeTables* rope,
                           const MergeSite& merge) const;
  at::Tensor attend(at::Tensor& x, const kernels::RopeTables* rope, int64_t tokens_at_a_time) const;
};

}  // namespace vggt::nn
