// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <string>
#include <vector>

#include "viewer/scene/scene.h"

namespace vggt::viewer {

/// b_from_a: x_in_b = scale * rotation * x_in_a + translation.
struct Alignment {
  double scale = 1;
  Eigen::Matrix3d rotation = Eigen::Matrix3d::Identity();
  Eigen::Vector3d translation = Eigen::Vector3d::Zero();
  size_t shared_photos = 0;  ///< 0: nothing to align by, all else is as it begins
};

/// Brings `a` onto `b` by the photos that both have, told by their names: the rotation is the mean
/// of what their cameras say, so that cameras on a line or in one place are enough; the scale that
/// of the distances between camera centres, where these are far less than the scene of the depths
/// of shared photos, else 1; the translation brings the centres' means together.
Alignment align(const Scene& a, const Scene& b);

/// Moves points and cameras of `scene`.
void apply(const Alignment& alignment, Scene& scene);

/// Fills `error` of both with the distance of each point to the other scene, in units of `b`: where
/// both have a point of the same pixel of the same photo, to that (pairs are exact, and say what an
/// approximation costs); else to the nearest point. Scenes must be aligned.
/// Returns the median of a's.
double compare(Scene& a, Scene& b);

}  // namespace vggt::viewer
