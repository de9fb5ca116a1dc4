// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/eval/depth_metrics.h"
#include "src/eval/point_metrics.h"
#include "src/eval/pose_metrics.h"
#include "src/eval/trajectory_metrics.h"

namespace vggt::eval {

/// All that was measured on one sequence.
struct SequenceResult {
  std::string sequence;
  std::string category;
  std::string trust;            ///< how far the truth itself can be trusted
  std::vector<int64_t> frames;  ///< indices in the sequence, in the order the network got them
  /// Of what was scored: results with another one are not of the same photos and truth, whatever
  /// they are called.
  std::string fingerprint;
  std::string failure;  ///< why the network's answer is not usable: its pairs count as failed
  std::vector<PairError> pairs;
  std::optional<TrajectoryScores> trajectory;       ///< of 3 frames and more, if they move
  std::optional<StretchScores> stretches;           ///< where there are any of 100 m and more
  std::vector<std::array<double, 3>> true_centres;  ///< in order of time, as trajectory's `aligned`
  /// By name of the alignment: median, scale, scale_shift; empty without true depth.
  std::vector<std::pair<std::string, DepthScores>> depth;
  std::optional<PointScores> points;
  /// Against a scan, by name of the alignment: score_scan().
  std::vector<std::pair<std::string, PointScores>> scans;
  double point_unit = 1;  ///< of the F-scores' distances, in units of the truth

  int64_t width_px = 0;  ///< of the network input
  int64_t height_px = 0;
  int64_t runs = 0;         ///< of the network, after one more to warm up
  double read_seconds = 0;  ///< decoding and fitting the photos
  /// NaN where no run came to its end.
  double forward_seconds = std::numeric_limits<double>::quiet_NaN();  ///< of one run, the median
  double peak_memory_bytes = std::numeric_limits<double>::quiet_NaN();
};

/// The root of the mean squared distance of the true centres from their mean: what lengths are
/// compared with where the truth has no unit. NaN of none.
double extent_of(const std::vector<std::array<double, 3>>& centres);

/// Numbers that are not finite become null, and NaN on the way back.
nlohmann::ordered_json to_json(const SequenceResult& result);
/// Throws nlohmann::json::exception if a field is missing or of another type.
SequenceResult sequence_result_from(const nlohmann::ordered_json& json);

}  // namespace vggt::eval
