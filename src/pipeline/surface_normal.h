// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "src/geometry/camera.h"

namespace vggt {

/// Normals of one depth map's surface: the cross product of the differences between the points of
/// neighbouring pixels. A neighbour counts if it has a depth and lies on the same surface, by a
/// jump in depth of at most 5 % of the pixel's; where an axis has none, the normal is the direction
/// to the camera.
class SurfaceNormals {
 public:
  /// world    [H, W, 3], the pixels' points
  /// depth    [H, W]
  /// surface  [H, W], 0 where there is no point; all three must outlive this
  SurfaceNormals(const float* world,
                 const float* depth,
                 const uint8_t* surface,
                 int64_t height,
                 int64_t width,
                 const Camera& camera);

  /// The unit normal in the world, towards the camera, of a pixel that has a point.
  std::array<float, 3> at(int64_t x, int64_t y) const;

 private:
  using Vector = std::array<double, 3>;

  bool same_surface(int64_t x, int64_t y, int64_t of) const;
  Vector point(int64_t index) const;
  bool tangent(int64_t x, int64_t y, int64_t step_x, int64_t step_y, Vector& difference) const;

  const float* world_;
  const float* depth_;
  const uint8_t* surface_;
  int64_t height_;
  int64_t width_;
  Vector centre_;
};

}  // namespace vggt
