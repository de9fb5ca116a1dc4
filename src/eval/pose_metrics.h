// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "src/geometry/camera.h"

namespace vggt::eval {

/// How wrong the relative pose of two frames is. It depends neither on the world frame nor on the
/// scale. Both are kFailed_deg where the prediction is not finite.
struct PairError {
  double rotation_deg = 0;     ///< geodesic, [0, 180]
  double translation_deg = 0;  ///< between the directions, up to sign, [0, 90]
  /// The two true cameras stand in one place, so their direction is not defined: the pair counts
  /// for rotations only.
  bool degenerate = false;
};

/// Beyond every threshold: 1e6 radians, as published.
inline constexpr double kFailed_deg = 1e6 * 57.29577951308232;

struct PairOptions {
  /// Marks pairs as degenerate whose true baseline is below 1e-3 of the median one, or below 1e-9
  /// scene units. CO3D's protocol excludes nothing.
  bool find_degenerate = true;
};

/// The errors of all pairs i < j of the same frames, in the order (0, 1), (0, 2), ... The relative
/// pose of a pair is cam_i_from_cam_j = P_i P_j^-1, P = cam_from_world; the other way round the
/// translation's error differs. As in VGGT's evaluation (Wang et al., CVPR 2025), a translation
/// that points exactly the wrong way has no error.
/// Throws c10::Error if the numbers of cameras differ.
std::vector<PairError> pair_errors(std::span<const Camera> predicted,
                                   std::span<const Camera> truth,
                                   const PairOptions& options = {});

/// The same pairs, failed: for a prediction that cannot be used. Which are degenerate does not hang
/// on the prediction, so that a mean over scenes is over the same pairs with or without it.
std::vector<PairError> failed_pairs(std::span<const Camera> truth, const PairOptions& options = {});

/// The share of `errors` strictly below `threshold`; NaN of none.
double recall(std::span<const double> errors, double threshold);

/// The area under the recall curve as VGGT's published figures have it, [0, 1]: a histogram of bins
/// of one degree, the last one closed, is summed up; an error in bin b of t counts (t - b) / t, so
/// that 0.99 degrees count like 0. NaN of no errors.
double auc(std::span<const double> errors_deg, int64_t threshold_deg);

/// Without the histogram: the mean of max(0, 1 - error / threshold). At most 1 / threshold below
/// auc(). NaN of no errors.
double exact_auc(std::span<const double> errors_deg, double threshold_deg);

/// The area of ScanNet-1500 and of matching papers: the sorted errors' recall curve by trapezoids.
/// NaN of no errors.
double trapezoid_auc(std::span<const double> errors_deg, double threshold_deg);

/// The thresholds of all tables, in degrees.
inline constexpr std::array<int64_t, 4> kThresholds_deg = {3, 5, 15, 30};
using ByThreshold = std::array<double, kThresholds_deg.size()>;
/// Those of ScanNet-1500's tables.
inline constexpr std::array<int64_t, 3> kAreaThresholds_deg = {5, 10, 20};

/// Of a set of pairs. Shares in [0, 1]; NaN where there is no pair to count.
struct PoseScores {
  int64_t pairs = 0;
  int64_t degenerate = 0;
  ByThreshold rra{};        ///< recall of the rotation error, over all pairs
  ByThreshold rta{};        ///< recall of the translation error, over the pairs not degenerate
  ByThreshold auc{};        ///< auc() of the larger of the two errors, over the same pairs
  ByThreshold exact_auc{};  ///< exact_auc() of it
  std::array<double, 3> trapezoid_auc{};  ///< trapezoid_auc() of it at kAreaThresholds_deg
  /// Infinite where as much as the half of the pairs failed.
  double median_rotation_deg = 0;
  double median_translation_deg = 0;
};

PoseScores score_pairs(std::span<const PairError> pairs);

/// The unweighted mean of the scores, of each over those that are no NaN; pairs are added up.
PoseScores mean_of(std::span<const PoseScores> scores);

/// Pairs of one sequence; those of one category are pooled before they are scored.
struct SequencePairs {
  std::string category;
  std::span<const PairError> pairs;
};

struct CategoryScores {
  std::string category;
  int64_t sequences = 0;
  PoseScores scores;
};

struct PooledScores {
  std::vector<CategoryScores> categories;  ///< in the order of their first sequence
  PoseScores mean;                         ///< over the categories: the headline
  PoseScores pooled;                       ///< all pairs of all categories at once
};

PooledScores pool(std::span<const SequencePairs> sequences);

/// The middle value, of an even number the mean of the two; NaN of none.
double median(std::vector<double> values);

}  // namespace vggt::eval
