// SPDX-License-Identifier: Apache-2.0
// `vggt bench accel`: the aggregator with merged tokens against without.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apps/bench_run.h"
#include "src/accel/merge_options.h"
#include "src/train/validation.h"

namespace vggt::apps {

/// What is compared: "httm", "httm ratio=0.2", or "none", the whole attention.
struct AccelVariant {
  std::string name;
  accel::MergeOptions options;
};

/// What is asked for.
struct AccelPlan {
  std::vector<std::string> methods;
  std::vector<double> ratios;                   ///< empty: as published
  std::map<std::string, std::string> settings;  ///< each method's
  bool both_biases = false;  ///< every method once more without the bias, or with it if its is 0
  int64_t scenes = 0;        ///< held-out synthetic scenes to score, of as many frames; 0: none
};

/// Every method at every ratio; the whole attention first. Predictors are those of `weights`.
/// Throws ConfigError.
std::vector<AccelVariant> accel_variants(const AccelPlan& plan, const std::string& weights);

struct AccelResult {
  BenchResult time;          ///< of the aggregator; speedup: over the whole attention
  double encoder_s = 0;      ///< one run; methods that begin within it have their own
  double whole_speedup = 1;  ///< of encoder and aggregator
  int64_t tokens = 0;        ///< of all frames
  std::optional<train::ValidationScores> scores;  ///< of the scenes
  accel::MergeOptions options;
  accel::MergeReport report;  ///< of the last run
  /// Against the whole attention in the same run, relative L2: of the tokens after the last block
  /// that the heads read, and of what the heads that are loaded say.
  double tokens_error = 0;
  double pose_error = -1;  ///< -1: no such head
  double depth_error = -1;
};

/// Measures all variants in turns at one number of frames. The frames are encoded once but for
/// methods that begin within the encoder. `scenes`: as AccelPlan::scenes.
std::vector<AccelResult> measure_accel(const LoadedModel& loaded,
                                       int64_t frames,
                                       const BenchPlan& plan,
                                       const std::vector<AccelVariant>& variants,
                                       int64_t scenes,
                                       const ProgressCallback& progress);

/// The table for --accel auto with what was measured in `results`: accel::table_with().
std::string auto_table_with(const std::string& path,
                            const std::vector<AccelResult>& results,
                            const LoadedModel& loaded);

/// Accuracy against time, a panel per number of frames: AUC@30, or without scenes how far the
/// tokens are off. A line per method, from ratio to ratio. Throws IoError.
void write_accel_chart(const std::string& path,
                       const std::vector<AccelResult>& results,
                       const std::string& note);

nlohmann::ordered_json to_json(const AccelResult& result);
std::string table_of_accel(const std::vector<AccelResult>& results);

}  // namespace vggt::apps
