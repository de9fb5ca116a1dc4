// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <string>

#include "src/eval/sequence_result.h"

namespace vggt::testing {

/// A result all of whose fields are filled; every pair has `error_deg`.
inline eval::SequenceResult sequence_result(const std::string& name,
                                            const std::string& category,
                                            double error_deg) {
  eval::SequenceResult result;
  result.sequence = name;
  result.category = category;
  result.trust = "ground truth";
  result.frames = {4, 0, 2};
  result.fingerprint = "of " + name;
  result.pairs = {{error_deg, error_deg / 2}, {error_deg, error_deg / 3}, {error_deg, 0, true}};
  result.trajectory = eval::TrajectoryScores{.ate_rmse = error_deg / 10,
                                             .are_deg = error_deg,
                                             .rpe_translation = 0.5,
                                             .rpe_rotation_deg = 2};
  result.trajectory->aligned = {{0, 0, 0}, {1, 0, 0.1}, {2, 0, 0}};
  result.true_centres = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}};
  result.depth = {{"median", {10, 0.1, 0.2, 0.3, 0.4, {0.5, 0.6, 0.7}}},
                  {"scale_shift", {10, 0.05, 0.1, 0.2, 0.3, {0.8, 0.9, 1}}}};
  result.points = eval::PointScores{
      100, 200, {0.1, 0.05}, {0.2, 0.15}, {0.9, 0.95}, 0.15, 0.3, {{0.01, 0.5, 0.25, 1 / 3.0}}};
  result.stretches = eval::StretchScores{4, error_deg / 10, 0.002};
  result.scans = {{"cameras", *result.points}};
  result.scans[0].second.normals = {std::numeric_limits<double>::quiet_NaN(),
                                    std::numeric_limits<double>::quiet_NaN()};
  result.width_px = 126;
  result.height_px = 84;
  result.runs = 3;
  result.forward_seconds = 0.25;
  result.read_seconds = 0.125;
  result.peak_memory_bytes = 1'000'000'000;
  return result;
}

}  // namespace vggt::testing
