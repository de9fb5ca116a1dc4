// SPDX-License-Identifier: Apache-2.0
// A finished result, read back without the network: what `vggt convert`, a second run with other
// filters, the viewer and the evaluation start from.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "src/base/progress.h"
#include "src/pipeline/reconstruction.h"

namespace vggt {

/// A photo's entry in report.json: its name, sizes, the way to network pixels, the camera in stored
/// pixels and in network pixels, and `file`, what its depth/ and confidence/ files are called.
nlohmann::ordered_json view_to_json(const View& view, const std::string& file);

/// Reads report.json of a result. Throws IoError naming the file and why: missing, not JSON.
nlohmann::ordered_json read_report(const std::string& folder);

/// Reads views, depth, confidence and points of a result; `images` and the points' frame and pixel
/// stay undefined. `progress` counts the photos of the stage "result". Throws IoError naming the
/// file and the field that is missing, wrong or does not fit the others; Cancelled.
Reconstruction read_result(const std::string& folder, const ProgressCallback& progress = {});

}  // namespace vggt
