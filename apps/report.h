// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/read_photos.h"
#include "src/accel/merge_options.h"
#include "src/base/progress.h"
#include "src/image/export_scene.h"
#include "src/pipeline/reconstruction.h"

namespace vggt::apps {

/// What report.json says beyond the reconstruction itself.
struct RunFacts {
  nlohmann::ordered_json options;     ///< as the user gave them
  bool from_cache = false;            ///< the network did not run: its maps are a former result's
  MapScales png_scales;               ///< of depth/*.png and confidence/*.png
  std::vector<SkippedPhoto> skipped;  ///< photos that could not be read
  std::vector<std::string> warnings;
  StageProgress::Seconds seconds;
  accel::MergeReport merging;         ///< empty if there was none
  nlohmann::ordered_json refinement;  ///< null if there was none
  nlohmann::ordered_json known;       ///< what the user knew of the cameras; null: nothing
  std::string units = "scene units; the scale is not known";
};

/// model      LoadedModel::describe()
/// made_from  made_from()
nlohmann::ordered_json make_report(const Reconstruction& reconstruction,
                                   const nlohmann::ordered_json& model,
                                   const nlohmann::ordered_json& made_from,
                                   const RunFacts& facts);

/// Throws IoError.
void write_report(const std::string& path, const nlohmann::ordered_json& report);

}  // namespace vggt::apps
