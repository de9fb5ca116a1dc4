// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "src/nn/aggregator.h"

namespace vggt::calibrate {

/// What the four layers of a block are given, all tokens: [G, N, K] each.
struct LayerInputs {
  at::Tensor qkv, proj, fc1, fc2;
  at::Tensor out;  ///< the residual stream behind the block

  const at::Tensor& operator[](size_t layer) const;  ///< in that order
};

/// A block of the aggregator in the order of a pass: frame 0, global 0, frame 1, ...
struct BlockSite {
  std::string name;  ///< "aggregator.frame_blocks.3"
  const nn::Block* block = nullptr;
  bool global = false;

  std::shared_ptr<nn::Linear> layer(size_t index) const;  ///< as LayerInputs has them
  std::string layer_name(size_t index) const;             ///< "aggregator.frame_blocks.3.attn.qkv"
};
std::vector<BlockSite> block_sites(const nn::Aggregator& aggregator);

/// One scene on its way through the aggregator's blocks.
class Chain {
 public:
  /// images [1, S, 3, H, W]
  Chain(const nn::Aggregator& aggregator, const at::Tensor& images);

  /// Nothing moves on: the block with the weights or codes that it has at the moment.
  LayerInputs inputs(const BlockSite& site) const;
  at::Tensor stream(bool global) const;  ///< [S, P, C] or [1, S P, C]
  const kernels::RopeTables& rope(bool global) const { return global ? global_rope_ : frame_rope_; }
  void advance(const at::Tensor& out);  ///< LayerInputs::out of the block passed

  /// Rows of a layer's input: those of the patches alone, or all. [M, K] float.
  at::Tensor rows(const at::Tensor& input, bool patches_only) const;
  at::Tensor camera_tokens() const;  ///< [S, C], of the stream

 private:
  at::Tensor x_;  ///< [S, P, C]
  int64_t special_;
  kernels::RopeTables frame_rope_, global_rope_;
};

}  // namespace vggt::calibrate
