// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/consistency.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

namespace vggt {
namespace {

// Where a photo's pixels lie in another's picture: column, row and depth are
// (u / z, v / z, z) with (u, v, z) = depth * (turn * (x, y, 1)) + move, all in pixels of the other.
struct Transfer {
  std::array<double, 9> turn{};
  std::array<double, 3> move{};
};

using Matrix = std::array<double, 9>;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result{};
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 0; column < 3; ++column) {
      for (size_t k = 0; k < 3; ++k) {
        result[3 * row + column] += a[3 * row + k] * b[3 * k + column];
      }
    }
  }
  return result;
}

Matrix transposed(const Matrix& a) {
  return {a[0], a[3], a[6], a[1], a[4], a[7], a[2], a[5], a[8]};
}

Matrix pixels_of(const Camera& camera) {
  return {camera.fx_px, 0, camera.cx_px, 0, camera.fy_px, camera.cy_px, 0, 0, 1};
}

Matrix rays_of(const Camera& camera) {
  return {1 / camera.fx_px,
          0,
          -camera.cx_px / camera.fx_px,
          0,
          1 / camera.fy_px,
          -camera.cy_px / camera.fy_px,
          0,
          0,
          1};
}

Transfer transfer(const Camera& from, const Camera& to) {
  const Matrix turn = product(to.rotation, transposed(from.rotation));
  const Matrix pixels = pixels_of(to);
  Transfer result;
  result.turn = product(product(pixels, turn), rays_of(from));
  std::array<double, 3> move = to.translation;
  for (size_t row = 0; row < 3; ++row) {
    for (size_t k = 0; k < 3; ++k) move[row] -= turn[3 * row + k] * from.translation[k];
  }
  for (size_t row = 0; row < 3; ++row) {
    for (size_t k = 0; k < 3; ++k) result.move[row] += pixels[3 * row + k] * move[k];
  }
  return result;
}

class Maps {
 public:
  Maps(const Reconstruction& scene, const at::Tensor& surface)
      : depth_(scene.depth.contiguous()),
        surface_(surface.contiguous()),
        height_(depth_.size(1)),
        width_(depth_.size(2)) {
    for (const View& view : scene.views) cameras_.push_back(view.camera);
  }

  int64_t frames() const { return depth_.size(0); }
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  const Camera& camera(int64_t s) const { return cameras_[static_cast<size_t>(s)]; }
  bool has_depth(int64_t s, int64_t y, int64_t x) const {
    return surface_.const_data_ptr<bool>()[(s * height_ + y) * width_ + x];
  }
  double depth(int64_t s, int64_t y, int64_t x) const {
    return static_cast<double>(depth_.const_data_ptr<float>()[(s * height_ + y) * width_ + x]);
  }

  /// The nearest depth of a pixel and its neighbours; a pixel at the rim of something near may show
  /// what is behind.
  double nearest(int64_t s, int64_t y, int64_t x) const {
    double least = depth(s, y, x);
    for (int64_t v = std::max<int64_t>(y - 1, 0); v < std::min(y + 2, height_); ++v) {
      for (int64_t u = std::max<int64_t>(x - 1, 0); u < std::min(x + 2, width_); ++u) {
        if (has_depth(s, v, u)) least = std::min(least, depth(s, v, u));
      }
    }
    return least;
  }

 private:
  at::Tensor depth_;
  at::Tensor surface_;
  int64_t height_;
  int64_t width_;
  std::vector<Camera> cameras_;
};

// Where another photo shows a point, and how far from it.
struct Seen {
  int64_t x = 0;
  int64_t y = 0;
  double depth = 0;
};

// Whether pixel (x, y) at `depth` lies in the other's picture.
bool sees(const Transfer& to, const Maps& maps, int64_t x, int64_t y, double depth, Seen& seen) {
  const double px = (static_cast<double>(x) + 0.5) * depth;
  const double py = (static_cast<double>(y) + 0.5) * depth;
  const auto row = [&](size_t i) {
    return to.turn[3 * i] * px + to.turn[3 * i + 1] * py + to.turn[3 * i + 2] * depth + to.move[i];
  };
  seen.depth = row(2);
  if (!(seen.depth > 0)) return false;
  const double u = row(0) / seen.depth;
  const double v = row(1) / seen.depth;
  // Not the other way round: no comparison holds for NaN.
  if (!(u >= 0 && v >= 0 && u < static_cast<double>(maps.width()) &&
        v < static_cast<double>(maps.height()))) {
    return false;
  }
  seen.x = static_cast<int64_t>(u);
  seen.y = static_cast<int64_t>(v);
  return true;
}

// The photos that have most of photo s's points in the picture, by number.
std::vector<int64_t> company(const Maps& maps, int64_t s, int64_t most) {
  std::vector<int64_t> others(static_cast<size_t>(maps.frames()));
  std::iota(others.begin(), others.end(), int64_t{0});
  others.erase(others.begin() + s);
  if (static_cast<int64_t>(others.size()) <= most) return others;
  constexpr int64_t kProbes = 8;  // a row, and a column, of points
  std::vector<int64_t> shown(static_cast<size_t>(maps.frames()));
  for (const int64_t t : others) {
    const Transfer to = transfer(maps.camera(s), maps.camera(t));
    for (int64_t i = 0; i < kProbes * kProbes; ++i) {
      const int64_t x = (2 * (i % kProbes) + 1) * maps.width() / (2 * kProbes);
      const int64_t y = (2 * (i / kProbes) + 1) * maps.height() / (2 * kProbes);
      Seen seen;
      shown[static_cast<size_t>(t)] +=
          maps.has_depth(s, y, x) && sees(to, maps, x, y, maps.depth(s, y, x), seen) ? 1 : 0;
    }
  }
  std::stable_sort(others.begin(), others.end(), [&](int64_t a, int64_t b) {
    return shown[static_cast<size_t>(a)] > shown[static_cast<size_t>(b)];
  });
  others.resize(static_cast<size_t>(most));
  std::sort(others.begin(), others.end());
  return others;
}

void count_votes(const Maps& maps, int64_t s, const ConsistencyOptions& options, int16_t* votes) {
  for (const int64_t t : company(maps, s, options.compared)) {
    const Transfer to = transfer(maps.camera(s), maps.camera(t));
    int16_t* vote = votes;
    for (int64_t y = 0; y < maps.height(); ++y) {
      for (int64_t x = 0; x < maps.width(); ++x, ++vote) {
        Seen seen;
        if (!maps.has_depth(s, y, x) || !sees(to, maps, x, y, maps.depth(s, y, x), seen) ||
            !maps.has_depth(t, seen.y, seen.x)) {
          continue;
        }
        const double near = seen.depth * (1 - options.depth_tolerance);
        const double far = seen.depth * (1 + options.depth_tolerance);
        const double there = maps.depth(t, seen.y, seen.x);
        if (there >= near && there <= far) {
          ++*vote;
        } else if (there > far && maps.nearest(t, seen.y, seen.x) > far) {
          --*vote;
        }
      }
    }
  }
}

}  // namespace

at::Tensor agreement(const Reconstruction& reconstruction,
                     const at::Tensor& surface,
                     const ConsistencyOptions& options) {
  TORCH_CHECK(reconstruction.depth.scalar_type() == at::kFloat &&
                  surface.scalar_type() == at::kBool &&
                  surface.sizes() == reconstruction.depth.sizes() &&
                  static_cast<int64_t>(reconstruction.views.size()) == surface.size(0),
              "agreement: a depth map, a view and a surface mask per photo are needed, got ",
              reconstruction.depth.sizes(),
              " and ",
              surface.sizes());
  const Maps maps(reconstruction, surface);
  at::Tensor votes = at::zeros(surface.sizes(), at::kShort);
  auto* const to = votes.mutable_data_ptr<int16_t>();
  at::parallel_for(0, maps.frames(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      count_votes(maps, s, options, to + s * maps.height() * maps.width());
    }
  });
  return votes;
}

}  // namespace vggt
