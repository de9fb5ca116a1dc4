// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/model_options.h"
#include "src/base/progress.h"
#include "src/pipeline/reconstruction.h"

namespace vggt::apps {

/// What report.json says beyond the reconstruction itself.
struct RunFacts {
  std::string photos;      ///< the folder
  int64_t max_images = 0;  ///< 0: all
  std::string fit;         ///< crop, pad or square
  bool like_original = false;
  double drop_percent = 0;
  std::vector<std::string> warnings;
  StageProgress::Seconds seconds;
};

/// Writes report.json and returns what it holds. Throws IoError.
nlohmann::ordered_json write_report(const std::string& path,
                                    const Reconstruction& reconstruction,
                                    const LoadedModel& loaded,
                                    const RunFacts& facts);

}  // namespace vggt::apps
