// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/canvas.h"

#include "src/synthetic/vectors.h"

#include <algorithm>
#include <cmath>

namespace vggt::synthetic {

Colour from_hue(double hue, double saturation, double value) {
  Colour colour{};
  for (int c = 0; c < 3; ++c) {
    double turn = hue - c / 3.0;
    turn -= std::floor(turn);
    const double ramp = std::clamp(std::abs(6 * turn - 3) - 1, 0.0, 1.0);
    colour[static_cast<size_t>(c)] = static_cast<float>(value * (1 + saturation * (ramp - 1)));
  }
  return colour;
}

Colour draw_hue(Random& random, const Range& hue, const Range& saturation, const Range& value) {
  const double h = random.uniform(hue.low, hue.high);
  const double s = random.uniform(saturation.low, saturation.high);
  return from_hue(h, s, random.uniform(value.low, value.high));
}

Colour draw_colour(Random& random) {
  const double which = random.uniform();
  if (which < 0.3) return draw_hue(random, {0, 1}, {0, 0.15}, {0.6, 0.97});   // pale
  if (which < 0.45) return draw_hue(random, {0, 1}, {0, 0.3}, {0.08, 0.35});  // dark
  if (which < 0.7) return draw_hue(random, {0.02, 0.14}, {0.2, 0.6}, {0.3, 0.8});
  return draw_hue(random, {0, 1}, {0.3, 0.95}, {0.3, 0.95});
}

namespace {

// Values of a lattice's rows between its columns, for each pixel of a picture's row.
class RowsBetween {
 public:
  RowsBetween(const std::vector<float>& lattice, int64_t columns, int64_t size_px)
      : lattice_(lattice), columns_(columns) {
    for (int64_t x = 0; x < size_px; ++x) {
      const float place = static_cast<float>(x * columns) / static_cast<float>(size_px);
      const auto left = static_cast<int64_t>(place);
      left_.push_back(static_cast<int32_t>(left));
      right_.push_back(static_cast<int32_t>(left + 1 < columns ? left + 1 : 0));
      weight_.push_back(smooth(place - static_cast<float>(left)));
    }
  }

  static float smooth(float f) { return f * f * (3 - 2 * f); }

  void row(int64_t which, std::vector<float>* to) const {
    const float* from = lattice_.data() + which * columns_;
    for (size_t x = 0; x < weight_.size(); ++x) {
      const float left = from[left_[x]];
      (*to)[x] = left + (from[right_[x]] - left) * weight_[x];
    }
  }

 private:
  const std::vector<float>& lattice_;
  int64_t columns_;
  std::vector<int32_t> left_;
  std::vector<int32_t> right_;
  std::vector<float> weight_;
};

}  // namespace

Field noise(Random& random, int64_t size_px, const NoiseOptions& options) {
  Field sum(size_px);
  double strength = 1;
  std::vector<float> lattice;
  std::vector<float> above(static_cast<size_t>(size_px));
  std::vector<float> below(static_cast<size_t>(size_px));
  for (int64_t nx = options.cells_x, ny = options.cells_y; nx <= size_px || ny <= size_px;
       nx *= 2, ny *= 2) {
    // Beyond the pixel's own frequency an octave has nothing to add along that axis.
    const int64_t columns = std::min(nx, size_px);
    const int64_t rows = std::min(ny, size_px);
    lattice.resize(static_cast<size_t>(columns * rows));
    for (float& value : lattice) value = static_cast<float>((random.uniform() - 0.5) * strength);
    const RowsBetween between(lattice, columns, size_px);
    between.row(0, &below);
    int64_t last = -1;
    for (int64_t y = 0; y < size_px; ++y) {
      const float place = static_cast<float>(y * rows) / static_cast<float>(size_px);
      const auto row = static_cast<int64_t>(place);
      if (row != last) {  // the next one
        std::swap(above, below);
        between.row((row + 1) % rows, &below);
        last = row;
      }
      const float weight = RowsBetween::smooth(place - static_cast<float>(row));
      float* const to = &sum.at(0, y);
      for (size_t x = 0; x < above.size(); ++x) to[x] += above[x] + (below[x] - above[x]) * weight;
    }
    strength *= options.persistence;
  }
  float low = sum.at(0, 0);
  float high = low;
  for (int64_t y = 0; y < size_px; ++y) {
    for (int64_t x = 0; x < size_px; ++x) {
      low = std::min(low, sum.at(x, y));
      high = std::max(high, sum.at(x, y));
    }
  }
  const float scale = 1 / std::max(high - low, 1e-6F);
  for (int64_t y = 0; y < size_px; ++y) {
    for (int64_t x = 0; x < size_px; ++x) sum.at(x, y) = (sum.at(x, y) - low) * scale;
  }
  return sum;
}

Cells cells(Random& random, int64_t size_px, int64_t across) {
  struct Seed {
    float x, y, id;
  };
  std::vector<Seed> seeds(static_cast<size_t>(across * across));
  for (Seed& seed : seeds) {
    seed = {static_cast<float>(random.uniform()),
            static_cast<float>(random.uniform()),
            static_cast<float>(random.uniform())};
  }
  Cells result{Field(size_px), Field(size_px)};
  const float scale = static_cast<float>(across) / static_cast<float>(size_px);
  for (int64_t y = 0; y < size_px; ++y) {
    for (int64_t x = 0; x < size_px; ++x) {
      const float fx = static_cast<float>(x) * scale;
      const float fy = static_cast<float>(y) * scale;
      const auto column = static_cast<int64_t>(fx);
      const auto row = static_cast<int64_t>(fy);
      float nearest = 9;
      float second = 9;
      float id = 0;
      for (int64_t j = row - 1; j <= row + 1; ++j) {
        for (int64_t i = column - 1; i <= column + 1; ++i) {
          const Seed& seed =
              seeds[static_cast<size_t>((j + across) % across * across + (i + across) % across)];
          const float dx = static_cast<float>(i) + seed.x - fx;
          const float dy = static_cast<float>(j) + seed.y - fy;
          const float square = dx * dx + dy * dy;
          if (square < nearest) {
            second = nearest;
            nearest = square;
            id = seed.id;
          } else {
            second = std::min(second, square);
          }
        }
      }
      result.id.at(x, y) = id;
      result.border.at(x, y) = std::min(1.0F, 2 * (std::sqrt(second) - std::sqrt(nearest)));
    }
  }
  return result;
}

void Canvas::fill(const Colour& colour) { std::fill(pixels_.begin(), pixels_.end(), colour); }

void Canvas::fill(const Field& field, const std::vector<Colour>& ramp) {
  const auto steps = static_cast<float>(ramp.size() - 1);
  for (int64_t y = 0; y < size_; ++y) {
    for (int64_t x = 0; x < size_; ++x) {
      const float place = std::clamp(field.at(x, y), 0.0F, 0.9999F) * steps;
      const auto step = static_cast<size_t>(place);
      at(x, y) = mixed(ramp[step], ramp[step + 1], place - static_cast<float>(step));
    }
  }
}

void Canvas::shade(const Field& field, double strength) {
  for (int64_t y = 0; y < size_; ++y) {
    for (int64_t x = 0; x < size_; ++x) {
      at(x, y) = scaled(at(x, y), 1 + static_cast<float>(strength) * (2 * field.at(x, y) - 1));
    }
  }
}

void Canvas::rectangle(int64_t x, int64_t y, int64_t width, int64_t height, const Colour& colour) {
  for (int64_t j = y; j < y + std::min(height, size_); ++j) {
    for (int64_t i = x; i < x + std::min(width, size_); ++i) around(i, j) = colour;
  }
}

void Canvas::stroke(double x, double y, double dx, double dy, const Colour& colour) {
  const double longest = std::max(std::abs(dx), std::abs(dy));
  const auto steps = static_cast<int64_t>(longest) + 1;
  for (int64_t i = 0; i <= steps; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(steps);
    around(static_cast<int64_t>(std::floor(x + t * dx)),
           static_cast<int64_t>(std::floor(y + t * dy))) = colour;
  }
}

int64_t Canvas::word(
    Random& random, int64_t x, int64_t y, int64_t letters, int64_t height, const Colour& colour) {
  const int64_t start = x;
  const int64_t stem = std::max<int64_t>(1, height / 7);
  for (int64_t letter = 0; letter < letters; ++letter) {
    const int64_t width = std::max<int64_t>(2, height * random.integer(4, 7) / 10);
    const bool small = random.chance(0.7);
    const int64_t top = small ? y + height / 3 : y;
    const int64_t tall = y + height - top;
    // Stems left and right, bars above, in the middle and below: what letters are made of.
    uint64_t parts = random.bits();
    parts |= random.chance(0.5) ? 1 : 2;
    if ((parts & 1) != 0) rectangle(x, top, stem, tall, colour);
    if ((parts & 2) != 0) rectangle(x + width - stem, top, stem, tall, colour);
    if ((parts & 4) != 0) rectangle(x, top, width, stem, colour);
    if ((parts & 8) != 0) rectangle(x, top + tall / 2, width, stem, colour);
    if ((parts & 16) != 0) rectangle(x, top + tall - stem, width, stem, colour);
    x += width + stem;
  }
  return x - start;
}

void draw_dead_leaves(
    Canvas& canvas, Random& random, int64_t count, double smallest_px, double largest_px) {
  const double ratio = smallest_px / largest_px;
  for (int64_t i = 0; i < count; ++i) {
    // Density r^-3 between the two: the inverse of its distribution.
    const double u = random.uniform();
    double radius = smallest_px / std::sqrt(1 - u * (1 - ratio * ratio));
    // Large ones first now and then, so that small ones remain to be seen.
    if (i < count / 10) radius = random.uniform(0.3, 1) * largest_px;
    const double cx = random.uniform() * static_cast<double>(canvas.size());
    const double cy = random.uniform() * static_cast<double>(canvas.size());
    const auto [s, c] = sine_cosine(random.uniform(0, 2 * kPi));
    const double flat = random.uniform(0.3, 1);
    const int64_t shape = random.index(3);
    const Colour colour = draw_colour(random);
    const auto towards = static_cast<float>(random.uniform(0, 0.6));
    const Colour other = mixed(colour, draw_colour(random), towards);
    const auto reach = static_cast<int64_t>(1.5 * radius) + 1;
    for (auto y = static_cast<int64_t>(cy) - reach; y <= static_cast<int64_t>(cy) + reach; ++y) {
      for (auto x = static_cast<int64_t>(cx) - reach; x <= static_cast<int64_t>(cx) + reach; ++x) {
        const double dx = static_cast<double>(x) - cx;
        const double dy = static_cast<double>(y) - cy;
        const double a = (c * dx + s * dy) / radius;
        const double b = (c * dy - s * dx) / (radius * flat);
        const bool inside = shape == 0   ? a * a + b * b < 1
                            : shape == 1 ? std::abs(a) < 1 && std::abs(b) < 1
                                         : b > -0.6 && std::abs(a) * 1.2 + b < 0.8;
        if (!inside) continue;
        canvas.around(x, y) = mixed(colour, other, static_cast<float>(0.5 + 0.33 * (a + 0.5 * b)));
      }
    }
  }
}

}  // namespace vggt::synthetic
