// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "src/base/progress.h"
#include "src/pipeline/reconstruction.h"

namespace vggt {

/// Which pixels become points.
struct PointFilter {
  /// This share of the pixels, those of lowest confidence, gives no points; in percent, [0, 100).
  double drop_percent = 20;

  /// A pixel gives no point where the depth in its 3 x 3 neighbourhood spans more than this share
  /// of its own: there the network blurs foreground and background, and points float between them.
  /// 0: off. 0.03 is what the authors of pi^3 and MapAnything take (0.04 those of MoGe); with a
  /// focal length of 500 px a smooth surface then goes where it is seen flatter than 8 degrees.
  double edge_ratio = 0;

  /// A point stays if at least this many other photos see it at its depth, after taking away those
  /// that see through it (agreement()); of fewer photos, all the others. 0: off. It removes the
  /// second walls of cameras that are not quite right, and what only one photo believes in.
  int64_t consistent = 0;

  /// How much of a depth two photos may differ by and still agree.
  double consistent_within = 0.05;

  /// Side of the cubes, in scene units, of which each keeps one point: the mean position and colour
  /// of its points; confidence, frame, pixel and normal of the most confident. 0: off.
  double voxel = 0;

  /// At most this many points, after all else: equal shares of every photo as far as its points
  /// last, and within a photo of every range of depth, spread over the picture. 0: all.
  int64_t max_points = 0;

  /// Normals, from the depth of neighbouring pixels.
  bool normals = false;
};

/// Throws ConfigError naming the option if a value is out of range.
void check(const PointFilter& filter);

/// The points of a reconstruction, by frame, row and column; its own `points` are not looked at.
/// Pixels without a finite positive depth, of padding, or hidden by the mask never count. The same
/// input gives the same points, whatever the number of threads. `progress` is asked between the
/// steps of the stage "points". Throws ConfigError as check() does, and if a voxel is too small for
/// the scene; Cancelled.
PointCloud make_points(const Reconstruction& reconstruction,
                       const PointFilter& filter,
                       const ProgressCallback& progress = {},
                       StageProgress::Seconds* seconds = nullptr);

}  // namespace vggt
