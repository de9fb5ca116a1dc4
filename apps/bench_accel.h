// SPDX-License-Identifier: Apache-2.0
// `vggt bench accel`: the aggregator with merged tokens against without.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apps/bench_run.h"
#include "src/accel/merge_options.h"

namespace vggt::apps {

/// What is compared: "httm", "httm ratio=0.2", or "none", the whole attention.
struct AccelVariant {
  std::string name;
  accel::MergeOptions options;
};

/// Every method at every ratio, or as published without; the whole attention first. `settings` are
/// each method's that has them. Throws ConfigError.
std::vector<AccelVariant> accel_variants(const std::vector<std::string>& methods,
                                         const std::vector<double>& ratios,
                                         const std::map<std::string, std::string>& settings);

struct AccelResult {
  BenchResult time;  ///< of the aggregator; speedup: over the whole attention
  accel::MergeOptions options;
  accel::MergeReport report;  ///< of the last run
  /// Against the whole attention in the same run, relative L2: of the tokens after the last block
  /// that the heads read, and of what the heads that are loaded say.
  double tokens_error = 0;
  double pose_error = -1;  ///< -1: no such head
  double depth_error = -1;
};

/// Measures all variants in turns at one number of frames. The frames are encoded once.
std::vector<AccelResult> measure_accel(const LoadedModel& loaded,
                                       int64_t frames,
                                       const BenchPlan& plan,
                                       const std::vector<AccelVariant>& variants,
                                       const ProgressCallback& progress);

nlohmann::ordered_json to_json(const AccelResult& result);
std::string table_of_accel(const std::vector<AccelResult>& results);

}  // namespace vggt::apps
