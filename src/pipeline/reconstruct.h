// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "src/base/progress.h"
#include "src/models/vggt.h"
#include "src/pipeline/point_filter.h"
#include "src/pipeline/preprocess.h"
#include "src/pipeline/reconstruction.h"

namespace vggt {

struct ReconstructOptions {
  PointFilter points;
  // As in ForwardOptions:
  int64_t head_frames = 0;
  accel::MergeOptions merge;
  accel::MergeReport* merge_report = nullptr;
  bool layers_on_host = false;
  ProgressCallback progress;
  StageProgress::Seconds* seconds = nullptr;
};

/// Cameras and depth of the photos that `input` was made of; `points` stay empty.
/// names   one per photo, in order
/// model   with camera and depth head; its other heads are run but not used
/// Throws ConfigError: a head is missing; ModelError: the network's cameras are not usable.
Reconstruction predict(const Vggt& model,
                       const NetworkInput& input,
                       const std::vector<std::string>& names,
                       const ReconstructOptions& options);

/// predict(), then make_points(). Throws what they do, the point filter's faults before the work.
Reconstruction reconstruct(const Vggt& model,
                           const NetworkInput& input,
                           const std::vector<std::string>& names,
                           const ReconstructOptions& options);

}  // namespace vggt
