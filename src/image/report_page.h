// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>

#include "src/pipeline/reconstruction.h"

namespace vggt {

/// Bounds of a report page.
inline constexpr int64_t kMaxReportPageBytes = 8'000'000;
inline constexpr int64_t kMaxReportPagePoints = 300'000;
inline constexpr int64_t kMaxReportPagePhotos = 1000;

/// Writes one HTML page that needs nothing else, no network either: the report in words and
/// numbers, each photo with its depth and confidence (coloured as in the preview), and the points
/// and cameras to turn around in WebGL.
///
/// `report` is what report.json holds. No field of it is required and unknown ones are shown, too;
/// "photos"[i] is taken as that of view i if there are as many as views.
///
/// The page stays within the bounds above and says what it leaves out: points by an even draw over
/// photos and pixels, the same at each call, and those far outside the rest; first the size, then
/// the number of pictures; photos beyond the bound by an even choice.
///
/// Throws IoError.
void write_report_page(const std::string& path,
                       const Reconstruction& reconstruction,
                       const nlohmann::ordered_json& report);

}  // namespace vggt
