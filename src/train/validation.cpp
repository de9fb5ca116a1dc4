// SPDX-License-Identifier: Apache-2.0
#include "src/train/validation.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "src/base/error.h"
#include "src/eval/depth_metrics.h"
#include "src/geometry/pose_encoding.h"
#include "src/synthetic/photometric.h"
#include "src/synthetic/random.h"
#include "src/synthetic/textures.h"

namespace vggt::train {

Validation::Validation(const Recipe& recipe) {
  const ValidationRecipe& validation = recipe.validation;
  if (validation.scenes == 0) return;
  const synthetic::Textures textures =
      synthetic::make_textures({.seed = validation.seed, .count = recipe.data.textures});
  const auto [height, width] = recipe.data.sizes_px.front();
  const synthetic::Random random(validation.seed);
  for (int64_t i = 0; i < validation.scenes; ++i) {
    synthetic::SampleOptions options;
    // Kinds take turns, so that few scenes show all of them.
    const auto kind = static_cast<size_t>(i) % recipe.data.kinds.size();
    options.kind = synthetic::scene_kind(recipe.data.kinds[kind]);
    options.frames = validation.frames;
    options.height_px = height;
    options.width_px = width;
    options.min_overlap = recipe.data.min_overlap;
    const synthetic::Random drawn = random.stream(static_cast<uint64_t>(i));
    const synthetic::Sample sample =
        synthetic::make_sample(options, textures, drawn.stream(0).bits());
    scenes_.push_back({synthetic::photometric(sample.linear, drawn.stream(1).bits()).unsqueeze(0),
                       sample.depth,
                       sample.cameras});
  }
}

ValidationScores Validation::score(const Vggt& model) const {
  const c10::NoGradGuard no_gradients;
  const at::Tensor& parameter = model.aggregator->camera_token;
  std::vector<eval::PairError> pairs;
  std::vector<eval::DepthScores> depths;
  for (const Scene& scene : scenes_) {
    const Predictions predictions =
        model.forward(scene.images.to(parameter.device(), parameter.scalar_type()));
    if (!predictions.pose_encodings.empty()) {
      std::vector<eval::PairError> errors;
      try {
        errors = eval::pair_errors(
            cameras_from_pose(predictions.pose_encodings.back()[0].to(at::kCPU, at::kFloat),
                              scene.images.size(3),
                              scene.images.size(4)),
            scene.cameras);
      } catch (const ModelError&) {
        errors = eval::failed_pairs(scene.cameras);
      }
      pairs.insert(pairs.end(), errors.begin(), errors.end());
    }
    if (predictions.depth.defined()) {
      depths.push_back(eval::score_depth(
          predictions.depth[0].squeeze(-1).to(at::kCPU, at::kFloat), scene.depth, {}));
    }
  }
  return {eval::score_pairs(pairs), eval::mean_of(depths).abs_rel};
}

}  // namespace vggt::train
