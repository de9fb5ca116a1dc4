// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace vggt {

/// A pinhole camera. OpenCV axes: x right, y down, z forward; x_in_cam = rotation * x_in_world +
/// translation. Pixel coordinates have their origin at the top-left corner of the image.
struct Camera {
  int64_t width_px = 0;
  int64_t height_px = 0;
  double fx_px = 0;
  double fy_px = 0;
  double cx_px = 0;
  double cy_px = 0;
  std::array<double, 9> rotation = {1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< cam_from_world, row-major
  std::array<double, 3> translation = {0, 0, 0};                 ///< cam_from_world, scene units

  /// The camera's centre in the world: -R^T t.
  std::array<double, 3> centre_in_world() const;
};

}  // namespace vggt
