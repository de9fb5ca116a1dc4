// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "src/eval/pose_metrics.h"
#include "src/models/vggt.h"
#include "src/synthetic/sample.h"
#include "src/train/recipe.h"

namespace vggt::train {

struct ValidationScores {
  eval::PoseScores poses;    ///< of all pairs of all scenes
  double depth_abs_rel = 0;  ///< after one median scale per scene, mean over the scenes
};

/// Held-out synthetic scenes, drawn with the seed and textures of `recipe.validation`, of no photos,
/// and how well a model does on them.
class Validation {
 public:
  explicit Validation(const Recipe& recipe);

  /// On the model's device, in the model's precision. Safe between the steps of a training.
  ValidationScores score(const Vggt& model, const accel::MergeOptions& merge = {}) const;

 private:
  struct Scene {
    at::Tensor images;  ///< [1, S, 3, H, W] float
    at::Tensor depth;   ///< [S, H, W] float; 0: none
    std::vector<Camera> cameras;
  };
  std::vector<Scene> scenes_;
};

}  // namespace vggt::train
