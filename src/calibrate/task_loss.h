// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "src/models/vggt.h"

namespace vggt::calibrate {

/// A scene and what the full-precision model says of it: the target, since there is no truth.
struct Lesson {
  at::Tensor images;  ///< [1, S, 3, H, W]
  Predictions target;
};

/// Throws ConfigError naming the scene if what the model says is not finite.
std::vector<Lesson> make_lessons(const Vggt& model, const std::vector<at::Tensor>& scenes);

/// How far `model` is from the lesson, as Wang et al., "QVGGT", CVPR 2026, weigh it: Huber of the
/// pose encodings, depth and points weighted by the target's confidence, and the distance of the
/// points from the unprojected depth, where the model has these heads.
double task_loss(const Vggt& model, const Lesson& lesson);

/// What quantising did to the outputs: the larger of the angles between rotations and between
/// translation directions (rad), mean over the pairs of frames, and the mean relative change of
/// depth.
struct OutputChange {
  double pose_rad = 0;
  double depth = 0;
  double sum() const { return pose_rad + depth; }
};
OutputChange output_change(const Vggt& model, const Lesson& lesson);

/// The larger of the two angles of each pair i < j of frames, between the relative poses of two
/// encodings [S, 9]: [pairs].
at::Tensor pose_angles(const at::Tensor& a, const at::Tensor& b);

}  // namespace vggt::calibrate
