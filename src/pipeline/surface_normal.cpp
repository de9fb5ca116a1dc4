// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/surface_normal.h"

#include <cmath>

namespace vggt {
namespace {

// Steeper than an edge usually is, flatter than nearly all surfaces are seen: with a focal length
// of 500 px, 2.3 degrees.
constexpr float kMostJump = 0.05f;

}  // namespace

SurfaceNormals::SurfaceNormals(const float* world,
                               const float* depth,
                               const uint8_t* surface,
                               int64_t height,
                               int64_t width,
                               const Camera& camera)
    : world_(world),
      depth_(depth),
      surface_(surface),
      height_(height),
      width_(width),
      centre_(camera.centre_in_world()) {}

bool SurfaceNormals::same_surface(int64_t x, int64_t y, int64_t of) const {
  if (x < 0 || y < 0 || x >= width_ || y >= height_) return false;
  const int64_t i = y * width_ + x;
  return surface_[i] && std::abs(depth_[i] - depth_[of]) <= kMostJump * depth_[of];
}

SurfaceNormals::Vector SurfaceNormals::point(int64_t index) const {
  const float* xyz = world_ + 3 * index;
  return {xyz[0], xyz[1], xyz[2]};
}

// From the neighbour before to the one after; the pixel stands in for one that does not count.
bool SurfaceNormals::tangent(
    int64_t x, int64_t y, int64_t step_x, int64_t step_y, Vector& difference) const {
  const int64_t here = y * width_ + x;
  const int64_t step = step_y * width_ + step_x;
  const int64_t before = same_surface(x - step_x, y - step_y, here) ? here - step : here;
  const int64_t after = same_surface(x + step_x, y + step_y, here) ? here + step : here;
  const Vector a = point(before);
  const Vector b = point(after);
  difference = {b[0] - a[0], b[1] - a[1], b[2] - a[2]};
  return before != after;
}

std::array<float, 3> SurfaceNormals::at(int64_t x, int64_t y) const {
  const Vector here = point(y * width_ + x);
  const Vector view = {centre_[0] - here[0], centre_[1] - here[1], centre_[2] - here[2]};
  const auto unit = [](const Vector& v, double sign) {
    const double scale = sign / std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    return std::array{static_cast<float>(scale * v[0]),
                      static_cast<float>(scale * v[1]),
                      static_cast<float>(scale * v[2])};
  };
  Vector u{};
  Vector v{};
  if (!tangent(x, y, 1, 0, u) || !tangent(x, y, 0, 1, v)) return unit(view, 1);
  const Vector normal = {
      u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
  const double towards = normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2];
  // Neighbours in one line with the camera: float32 left nothing of the surface.
  if (!(std::abs(towards) > 0)) return unit(view, 1);
  return unit(normal, towards > 0 ? 1 : -1);
}

}  // namespace vggt
