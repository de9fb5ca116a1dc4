// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/bench_result.h"
#include "apps/model_options.h"
#include "kernels/common/path.h"

namespace vggt::apps {

/// What can be measured: stages of the network, a whole reconstruction from images in memory to
/// points (`reconstruct`), and two kernels on inputs of the network's sizes.
const std::vector<std::string>& bench_stages();

/// The heads that `stages` need, as --heads names them; `camera` alone if none does.
std::vector<std::string> heads_of_stages(const std::vector<std::string>& stages);

/// All stages but kernels that a model has.
std::vector<std::string> stages_of_model(const ModelConfig& config);

struct BenchPlan {
  std::vector<std::string> stages;
  std::vector<kernels::Path> paths;  ///< in turns
  int64_t repeat = 3;
  bool warm_up = true;  ///< one run more of each path at each number of frames, first
  int64_t height_px = 0;
  int64_t width_px = 0;
};

/// Measures all stages at one number of frames. A stage's peak memory is that of the process, or of
/// the GPU, while it runs. Throws ConfigError("stages") if the model has no such head; Cancelled.
std::vector<BenchResult> measure(const LoadedModel& loaded,
                                 int64_t frames,
                                 const BenchPlan& plan,
                                 const ProgressCallback& progress);

}  // namespace vggt::apps
