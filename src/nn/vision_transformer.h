// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/progress.h"
#include "src/models/config.h"
#include "src/nn/block.h"

namespace vggt::nn {

/// The convolution, one step per patch, that makes patch tokens; a module of its own because the
/// checkpoint's keys have it.
struct PatchEmbed : torch::nn::Module {
  PatchEmbed(int64_t patch_size, int64_t channels);
  /// images [N, 3, H, W] -> [N, h * w, C]
  at::Tensor forward(const at::Tensor& images) const;
  std::shared_ptr<Conv2d> proj;
};

/// The encoder of single frames: DINOv2's vision transformer with registers.
/// Oquab et al., "DINOv2", TMLR 2024; Darcet et al., "Vision Transformers Need Registers", ICLR
/// 2024.
struct VisionTransformer : torch::nn::Module {
  explicit VisionTransformer(const ModelConfig& config);

  /// images [N, 3, H, W], normalised; H and W multiples of the patch size.
  /// stage   polled after each block; null: not cancelled within
  /// Returns the patch tokens [N, h * w, C] after the last norm, float (or double).
  at::Tensor forward(const at::Tensor& images, StageProgress* stage = nullptr) const;

  /// Its parts: what the first block takes, [N, 1 + R + h * w, C], class token and registers first;
  /// the blocks [first, last) over it.
  at::Tensor embed(const at::Tensor& images) const;
  void run(at::Tensor& x, int64_t first, int64_t last, StageProgress* stage = nullptr) const;

  /// The stored position embedding resampled to a grid of rows x columns, with the class token's
  /// entry first: [1, 1 + rows * columns, C]. Antialiased bicubic in float32, as in the original
  /// model.
  at::Tensor position_embedding(int64_t rows, int64_t columns) const;

  int64_t patch_size;
  at::Tensor cls_token;        ///< [1, 1, C]
  at::Tensor pos_embed;        ///< [1, 1 + grid * grid, C]
  at::Tensor register_tokens;  ///< [1, R, C]
  at::Tensor mask_token;       ///< [1, C]; in the checkpoint, not used
  std::shared_ptr<PatchEmbed> patch_embed;
  std::vector<std::shared_ptr<Block>> blocks;
  std::shared_ptr<LayerNorm> norm;
};

}  // namespace vggt::nn
