// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "viewer/scene/scene.h"

namespace vggt::viewer {

enum class ColourBy { kPhoto, kConfidence, kDepth, kFrame, kError };

/// "photo", "confidence", "depth", "frame", "error": as in view.json and on the command line.
const std::vector<std::string>& colour_names();
const std::string& name_of(ColourBy by);
/// Throws ConfigError naming the choices.
ColourBy colour_by(const std::string& name);

/// Blue, cyan, green, yellow, red for 0 to 1; what lies outside gets the nearer end.
Rgb ramp(double share);

/// A colour of its own for each photo, far from those of its neighbours in the list.
Rgb frame_colour(int32_t frame);

/// The values that the ramp's ends stand for: the 2nd and 98th percentile of a sample.
struct ColourRange {
  float low = 0;
  float high = 1;
};
ColourRange colour_range(const Points& points, ColourBy by);

/// Whether the points know what they would be coloured by.
bool can_colour(const Points& points, ColourBy by);

/// The colours of the points `chosen`; grey where the property is not known.
std::vector<Rgb> colours_of(const Points& points, std::span<const uint32_t> chosen, ColourBy by);

}  // namespace vggt::viewer
