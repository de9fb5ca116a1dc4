// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "src/base/progress.h"

namespace vggt::apps {

/// What `vggt bench ba` measures: known cameras are disturbed, and bundle adjustment on the photos'
/// own tracks is to bring them back.
struct BenchBaOptions {
  std::vector<std::string> scenes;          ///< folders with images/ and cameras.json
  std::vector<double> disturb = {3, 0.03};  ///< degrees; share of the largest way between cameras
  int64_t seed = 1;
  std::string lens = "fixed";  ///< fixed, as the scene says, or shared: its focal length is refined
};

struct BenchBaResult {
  nlohmann::ordered_json report;
  std::string table;  ///< Markdown
};

/// Per scene the median errors of the relative poses of all pairs of photos, in degrees, before and
/// after. Throws ConfigError for options that make no sense, IoError; Cancelled.
BenchBaResult bench_ba(const BenchBaOptions& options, const ProgressCallback& progress);

}  // namespace vggt::apps
