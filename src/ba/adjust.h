// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/ba/problem.h"
#include "src/base/progress.h"

namespace vggt::ba {

/// How the equations of one step are solved. Points are always eliminated first.
enum class LinearSolver {
  kAuto,       ///< dense up to 60 photos, sparse up to 1000, iterative above: by the photos' work
  kDense,      ///< time grows with the cube of the photos
  kSparse,     ///< with how many photos share points
  kIterative,  ///< conjugate gradients, in memory that grows with the observations only
};

struct AdjustOptions {
  /// Scale of the Cauchy loss: residuals well beyond it count as outliers. 0: plain squares.
  double loss_px = 1;
  int max_iterations = 100;
  int threads = 0;  ///< 0: all cores
  LinearSolver solver = LinearSolver::kAuto;
  /// A photo with fewer observations stays where it is, as they do not determine its pose.
  int64_t min_observations = 12;
  StageProgress* stage = nullptr;  ///< asked at each iteration whether to go on
};

struct AdjustReport {
  double first_cost = 0;  ///< half the sum of losses, px^2
  double last_cost = 0;
  int iterations = 0;
  bool converged = false;  ///< false: out of iterations
  LinearSolver solver = LinearSolver::kAuto;
  std::vector<int32_t> unmoved;  ///< photos with too few observations, without a prior
  int components = 0;            ///< groups of photos that share points
};

/// Moves poses, points and lenses to a minimum of the reprojection errors and the priors'
/// residuals; in `problem` nothing else changes.
///
/// active  one per observation; those with 0 do not count. Empty: all do.
///
/// What the observations leave open is held, in each group of photos that share points, beginning
/// with the lowest number: its first moved photo stays, and the one farthest from it keeps its
/// distance, unless fixed photos or priors say where they are. A group thus keeps its place and
/// scale. Throws as check() does; Cancelled, `problem` then being as it was.
AdjustReport adjust(Problem& problem,
                    const std::vector<uint8_t>& active,
                    const AdjustOptions& options);

/// "dense", "sparse", "iterative" or "auto".
std::string to_string(LinearSolver solver);

/// Numbers of the photos' groups: photos that share points, directly or by others. From 0 in order
/// of the groups' first photos; a photo without active observations is a group of its own.
std::vector<int32_t> components(const Problem& problem, const std::vector<uint8_t>& active);

}  // namespace vggt::ba
