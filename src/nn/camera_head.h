// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/models/config.h"
#include "src/nn/block.h"

namespace vggt::nn {

/// SiLU, then a linear layer whose keys are poseLN_modulation.1.* in the checkpoint.
struct PoseModulation : torch::nn::Module {
  explicit PoseModulation(int64_t channels);
  at::Tensor forward(const at::Tensor& x) const;
  std::shared_ptr<Linear> linear;
};

/// Refines the camera of every frame from its camera token, several times, with attention over the
/// frames. A pose encoding is [tx ty tz | qx qy qz qw | fov_height fov_width]: cam_from_world, and
/// full angles in rad.
struct CameraHead : torch::nn::Module {
  explicit CameraHead(const ModelConfig& config);

  /// camera_tokens [B, S, 2 C]. Returns the activated encodings [B, S, 9] after each iteration, the
  /// last one being the result.
  std::vector<at::Tensor> forward(const at::Tensor& camera_tokens) const;

  /// The iterations alone, from the tokens after token_norm.
  std::vector<at::Tensor> iterate(const at::Tensor& normed_tokens) const;

  int64_t num_iterations;
  at::Tensor empty_pose_tokens;  ///< [1, 1, 9]
  /// [2 C], or undefined: one more token after token_norm, which the frames attend to and whose
  /// result is dropped. Quantised models may bring it (src/calibrate/compensation.h).
  at::Tensor compensation_token;
  std::shared_ptr<LayerNorm> token_norm, trunk_norm;
  std::shared_ptr<Linear> embed_pose;
  std::shared_ptr<PoseModulation> poseLN_modulation;
  std::vector<std::shared_ptr<Block>> trunk;
  std::shared_ptr<Mlp> pose_branch;
};

}  // namespace vggt::nn
