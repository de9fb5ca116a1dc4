// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "src/ba/adjust.h"
#include "src/ba/problem.h"
#include "src/base/progress.h"

namespace vggt::ba {

struct RefineOptions {
  /// See AdjustOptions; about the accuracy of SIFT's places. With 1 px the median rotation error on
  /// a ring of 16 photos (Middlebury's temple) was nearly twice as large.
  double loss_px = 0.25;
  double outlier_px = 4;       ///< observations with a larger error are left out of the next round
  double min_angle_deg = 1.5;  ///< see TriangulateOptions
  int max_rounds = 6;          ///< two at least
  int max_iterations = 100;    ///< of one round
  int threads = 0;             ///< 0: all cores
  LinearSolver solver = LinearSolver::kAuto;
  ProgressCallback progress;
  StageProgress::Seconds* seconds = nullptr;
};

/// How well cameras and points explain the observations.
struct Quality {
  /// Half the sum of squared errors in px^2 over all observations that came in, none counted with
  /// more than outlier_px: so problems with different outliers compare.
  double cost = 0;
  double median_px = 0;  ///< of the observations within outlier_px, as are the next three
  double mean_px = 0;
  int64_t observations = 0;
  int64_t points = 0;
};

struct RefineReport {
  Quality before;
  Quality after;
  bool improved = false;  ///< false: the cameras that came in were better and are returned
  int rounds = 0;
  int iterations = 0;
  bool converged = false;  ///< the last round
  LinearSolver solver = LinearSolver::kAuto;
  std::vector<int32_t> unmoved;  ///< photos with too few observations
  int components = 0;            ///< groups of photos that share points
};

struct Refined {
  Problem problem;              ///< with all observations that came in
  std::vector<uint8_t> active;  ///< one per observation: 1 where it agrees with its point
  RefineReport report;
};

/// Bundle adjustment in rounds. Each triangulates all points anew, leaves out what disagrees, and
/// minimises the rest (adjust()). The first round allows for what the cameras that came in are off,
/// by the median of the errors; the last for `outlier_px`. Points that came in are replaced where
/// their rays meet.
///
/// Never makes it worse: unless Quality::cost fell, the problem comes back as it came, with
/// its points triangulated. Throws as check() does; Cancelled.
Refined refine(Problem problem, const RefineOptions& options);

/// Quality of a problem as it is.
Quality measure(const Problem& problem, const std::vector<uint8_t>& active, double outlier_px);

}  // namespace vggt::ba
