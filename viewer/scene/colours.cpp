// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/colours.h"

#include "src/base/error.h"
#include "src/base/percentile.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vggt::viewer {
namespace {

constexpr Rgb kGrey = {128, 128, 128};

const std::vector<float>* values_of(const Points& points, ColourBy by) {
  if (by == ColourBy::kConfidence) return &points.confidence;
  if (by == ColourBy::kDepth) return &points.depth;
  if (by == ColourBy::kError) return &points.error;
  return nullptr;
}

// Of hue in [0, 1), at full saturation but not the darkest blue.
Rgb hue_colour(double hue) {
  Rgb colour;
  for (int c = 0; c < 3; ++c) {
    const double k = std::fmod(5.0 - 2.0 * c + 6 * hue, 6.0);
    const double share = std::clamp(std::min(k, 4 - k), 0.0, 1.0);
    colour[c] = static_cast<uint8_t>(std::lround(255 * (1 - 0.8 * share)));
  }
  return colour;
}

}  // namespace

const std::vector<std::string>& colour_names() {
  static const std::vector<std::string> names = {"photo", "confidence", "depth", "frame", "error"};
  return names;
}

const std::string& name_of(ColourBy by) { return colour_names()[static_cast<size_t>(by)]; }

ColourBy colour_by(const std::string& name) {
  const auto& names = colour_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw ConfigError("colour", "'" + name + "' is none of photo, confidence, depth, frame, error");
  }
  return static_cast<ColourBy>(found - names.begin());
}

Rgb ramp(double share) {
  static constexpr std::array<std::array<double, 3>, 5> stops = {
      {{48, 64, 220}, {0, 190, 220}, {60, 200, 60}, {250, 220, 40}, {220, 40, 30}}};
  if (!(share > 0)) share = 0;
  const double place = std::min(share, 1.0) * (stops.size() - 1);
  const size_t i = std::min(static_cast<size_t>(place), stops.size() - 2);
  const double t = place - static_cast<double>(i);
  Rgb colour;
  for (int c = 0; c < 3; ++c) {
    colour[c] = static_cast<uint8_t>(std::lround((1 - t) * stops[i][c] + t * stops[i + 1][c]));
  }
  return colour;
}

Rgb frame_colour(int32_t frame) {
  // Steps of the golden ratio never come near a hue that was just there.
  const double turns = 0.61803398875 * std::max(frame, 0);
  return hue_colour(turns - std::floor(turns));
}

bool can_colour(const Points& points, ColourBy by) {
  if (by == ColourBy::kPhoto) return !points.colour.empty();
  if (by == ColourBy::kFrame) return !points.frame.empty();
  return !values_of(points, by)->empty();
}

ColourRange colour_range(const Points& points, ColourBy by) {
  const std::vector<float>* values = values_of(points, by);
  if (!values || values->empty()) return {};
  constexpr size_t kSample = 100'000;
  const size_t step = std::max<size_t>(1, values->size() / kSample);
  std::vector<float> sample;
  for (size_t i = 0; i < values->size(); i += step) {
    if (std::isfinite((*values)[i])) sample.push_back((*values)[i]);
  }
  if (sample.empty()) return {};
  const float low = percentile(sample, 2);
  const float high = percentile(sample, 98);
  return {low, high > low ? high : low + 1};
}

std::vector<Rgb> colours_of(const Points& points, std::span<const uint32_t> chosen, ColourBy by) {
  std::vector<Rgb> colours(chosen.size(), kGrey);
  if (!can_colour(points, by)) return colours;
  if (by == ColourBy::kPhoto) {
    for (size_t i = 0; i < chosen.size(); ++i) colours[i] = points.colour[chosen[i]];
    return colours;
  }
  if (by == ColourBy::kFrame) {
    for (size_t i = 0; i < chosen.size(); ++i) colours[i] = frame_colour(points.frame[chosen[i]]);
    return colours;
  }
  const std::vector<float>& values = *values_of(points, by);
  const ColourRange range = colour_range(points, by);
  std::array<Rgb, 256> table;
  for (size_t k = 0; k < table.size(); ++k) {
    // Near, sure and wrong are warm.
    const double share = static_cast<double>(k) / (table.size() - 1);
    table[k] = ramp(by == ColourBy::kDepth ? 1 - share : share);
  }
  const float scale = static_cast<float>(table.size() - 1) / (range.high - range.low);
  for (size_t i = 0; i < chosen.size(); ++i) {
    const float value = values[chosen[i]];
    if (!std::isfinite(value)) continue;
    const float place = std::clamp((value - range.low) * scale, 0.0F, 255.0F);
    colours[i] = table[static_cast<size_t>(place)];
  }
  return colours;
}

}  // namespace vggt::viewer
