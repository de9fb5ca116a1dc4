// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "src/geometry/camera.h"
#include "src/geometry/similarity.h"

namespace vggt::eval {

enum class TrajectoryAlignment {
  kSimilarity,  ///< scale, too: for estimators without a unit
  kRigid,       ///< for estimators in metres
  /// kSimilarity, and after it the first camera exactly onto the true one, as evo's align_origin
  kSimilarityAndOrigin,
};

/// How far a trajectory is from the true one after the whole of it was brought onto it. Lengths are
/// in units of the truth.
struct TrajectoryScores {
  Similarity truth_from_predicted;
  bool degenerate_alignment = false;  ///< all cameras on a line or in one place
  double ate_rmse = 0;                ///< absolute trajectory error: distance of the centres
  double ate_mean = 0;
  double ate_median = 0;
  double ate_max = 0;
  double are_deg = 0;  ///< absolute rotation error, root of the mean square
  double rpe_translation =
      0;  ///< relative error from each frame to the next, root of the mean square
  double rpe_rotation_deg = 0;
  std::vector<std::array<double, 3>> aligned;  ///< the predicted centres, in the true world
};

/// Sturm et al., "A Benchmark for the Evaluation of RGB-D SLAM Systems", IROS 2012.
/// predicted, truth  the same frames in order of time, at least 3
/// Throws c10::Error for fewer, or other numbers of them.
TrajectoryScores score_trajectory(std::span<const Camera> predicted,
                                  std::span<const Camera> truth,
                                  TrajectoryAlignment alignment);

/// The official relative errors of KITTI's odometry benchmark: over stretches of 100, 200, ... 800
/// metres of the true path, from every tenth frame. NaN where no stretch is that long. The
/// prediction must have the truth's scale: align it first.
/// Geiger et al., "Are we ready for Autonomous Driving?", CVPR 2012.
struct StretchScores {
  int64_t stretches = 0;
  double translation_percent = 0;
  double rotation_deg_per_metre = 0;
};

StretchScores score_stretches(std::span<const Camera> predicted,
                              std::span<const Camera> truth,
                              double units_per_metre = 1);

/// The cameras after a similarity of the world.
std::vector<Camera> aligned_cameras(std::span<const Camera> cameras,
                                    const Similarity& new_from_old);

/// Each camera with the inverse of its pose: it stands where cam_from_world's translation points,
/// turned as cam_from_world turns. FastVGGT's published script takes these for the poses, after it
/// has made the first true camera the world (Shen et al., "FastVGGT", 2025).
std::vector<Camera> inverted_poses(std::span<const Camera> cameras);

/// [N, 3] double, in the world.
at::Tensor centres_of(std::span<const Camera> cameras);

}  // namespace vggt::eval
