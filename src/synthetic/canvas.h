// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/synthetic/random.h"

namespace vggt::synthetic {

using Colour = std::array<float, 3>;  ///< in [0, 1], as displayed

inline Colour mixed(const Colour& a, const Colour& b, float of_b) {
  return {a[0] + (b[0] - a[0]) * of_b, a[1] + (b[1] - a[1]) * of_b, a[2] + (b[2] - a[2]) * of_b};
}

/// Within [0, 1].
inline Colour scaled(const Colour& colour, float factor) {
  return {std::clamp(colour[0] * factor, 0.0F, 1.0F),
          std::clamp(colour[1] * factor, 0.0F, 1.0F),
          std::clamp(colour[2] * factor, 0.0F, 1.0F)};
}

/// Hue in turns, saturation and value in [0, 1].
Colour from_hue(double hue, double saturation, double value);

struct Range {
  double low;
  double high;
};

/// from_hue() of numbers drawn from ranges.
Colour draw_hue(Random& random, const Range& hue, const Range& saturation, const Range& value);

/// A colour of made things: mostly pale, dark or earthen, sometimes strong.
Colour draw_colour(Random& random);

/// One value per pixel of a square picture whose edges meet: it can be repeated without a seam.
class Field {
 public:
  explicit Field(int64_t size_px)
      : size_(size_px), values_(static_cast<size_t>(size_px * size_px)) {}

  int64_t size() const { return size_; }
  float& at(int64_t x, int64_t y) { return values_[static_cast<size_t>(y * size_ + x)]; }
  float at(int64_t x, int64_t y) const { return values_[static_cast<size_t>(y * size_ + x)]; }

 private:
  int64_t size_;
  std::vector<float> values_;
};

struct NoiseOptions {
  int64_t cells_x = 4;  ///< of the coarsest octave, across the picture
  int64_t cells_y = 4;
  double persistence = 0.5;  ///< an octave's strength over that of the next coarser one
};

/// Value noise summed over octaves down to the pixel, stretched to [0, 1]. Persistence 0.5 has the
/// 1 / f amplitudes of natural pictures.
Field noise(Random& random, int64_t size_px, const NoiseOptions& options = {});

/// Cells around scattered seeds (Worley, "A cellular texture basis function", SIGGRAPH 1996).
struct Cells {
  Field id;      ///< a number in [0, 1) of the cell
  Field border;  ///< distance to its border, 1 about in its middle
};
Cells cells(Random& random, int64_t size_px, int64_t across);

/// A square colour picture whose edges meet.
class Canvas {
 public:
  explicit Canvas(int64_t size_px)
      : size_(size_px), pixels_(static_cast<size_t>(size_px * size_px), Colour{0.5F, 0.5F, 0.5F}) {}

  int64_t size() const { return size_; }
  Colour& at(int64_t x, int64_t y) { return pixels_[static_cast<size_t>(y * size_ + x)]; }
  const Colour& at(int64_t x, int64_t y) const {
    return pixels_[static_cast<size_t>(y * size_ + x)];
  }
  /// With x and y anywhere: outside it goes on at the opposite edge.
  Colour& around(int64_t x, int64_t y) {
    return at((x % size_ + size_) % size_, (y % size_ + size_) % size_);
  }

  void fill(const Colour& colour);
  /// The colours of a field's values along a ramp.
  void fill(const Field& field, const std::vector<Colour>& ramp);
  /// Brightens and darkens by up to `strength`, where the field is 1 and 0.
  void shade(const Field& field, double strength);
  /// Pixels [x, x + width) x [y, y + height).
  void rectangle(int64_t x, int64_t y, int64_t width, int64_t height, const Colour& colour);
  /// A stroke from (x, y) along (dx, dy) pixels.
  void stroke(double x, double y, double dx, double dy, const Colour& colour);

  /// Marks like a word's letters, `height` pixels high; returns how wide.
  int64_t word(
      Random& random, int64_t x, int64_t y, int64_t letters, int64_t height, const Colour& colour);

 private:
  int64_t size_;
  std::vector<Colour> pixels_;
};

/// Overlapping shapes of sizes by a power law, as things in a photo occlude each other (Lee,
/// Mumford, Huang, "Occlusion models for natural images", IJCV 2001): edges at all scales.
void draw_dead_leaves(
    Canvas& canvas, Random& random, int64_t count, double smallest_px, double largest_px);

}  // namespace vggt::synthetic
