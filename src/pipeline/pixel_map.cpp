// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/pixel_map.h"

#include <c10/util/Exception.h>

#include <utility>

namespace vggt {

int clockwise_quarter_turns(int exif_orientation) {
  switch (exif_orientation) {
    case 1:
    case 2:
      return 0;
    case 5:
    case 6:
      return 1;
    case 3:
    case 4:
      return 2;
    case 7:
    case 8:
      return 3;
    default:
      TORCH_CHECK(false, "EXIF orientation must be 1 to 8, got ", exif_orientation);
  }
}

int64_t PixelMap::upright_width_px() const {
  return clockwise_quarter_turns(orientation) % 2 == 0 ? stored_width_px : stored_height_px;
}

int64_t PixelMap::upright_height_px() const {
  return clockwise_quarter_turns(orientation) % 2 == 0 ? stored_height_px : stored_width_px;
}

std::array<double, 2> PixelMap::stored_from_network(double x_px, double y_px) const {
  double x = (x_px - offset_x_px) / scale_x;
  double y = (y_px - offset_y_px) / scale_y;
  double width = static_cast<double>(upright_width_px());
  double height = static_cast<double>(upright_height_px());
  for (int turn = clockwise_quarter_turns(orientation); turn > 0; --turn) {
    // Back by a quarter: the top edge becomes the left one.
    x = std::exchange(y, width - x);
    std::swap(width, height);
  }
  return {x, y};
}

std::array<double, 2> PixelMap::network_from_stored(double x_px, double y_px) const {
  double x = x_px;
  double y = y_px;
  double width = static_cast<double>(stored_width_px);
  double height = static_cast<double>(stored_height_px);
  for (int turn = clockwise_quarter_turns(orientation); turn > 0; --turn) {
    // Clockwise by a quarter: the left edge becomes the top one.
    y = std::exchange(x, height - y);
    std::swap(width, height);
  }
  return {scale_x * x + offset_x_px, scale_y * y + offset_y_px};
}

bool PixelMap::shows_picture(int64_t x, int64_t y) const {
  const double upright_x = (static_cast<double>(x) + 0.5 - offset_x_px) / scale_x;
  const double upright_y = (static_cast<double>(y) + 0.5 - offset_y_px) / scale_y;
  return upright_x >= 0 && upright_x < static_cast<double>(upright_width_px()) && upright_y >= 0 &&
         upright_y < static_cast<double>(upright_height_px());
}

Camera PixelMap::stored_camera(const Camera& network_camera) const {
  Camera camera = network_camera;
  camera.width_px = upright_width_px();
  camera.height_px = upright_height_px();
  camera.fx_px /= scale_x;
  camera.fy_px /= scale_y;
  camera.cx_px = (camera.cx_px - offset_x_px) / scale_x;
  camera.cy_px = (camera.cy_px - offset_y_px) / scale_y;
  for (int turn = clockwise_quarter_turns(orientation); turn > 0; --turn) {
    // The step of stored_from_network for the picture; in the camera's frame (x, y, z) -> (y, -x,
    // z).
    camera.cx_px = std::exchange(camera.cy_px, static_cast<double>(camera.width_px) - camera.cx_px);
    std::swap(camera.fx_px, camera.fy_px);
    std::swap(camera.width_px, camera.height_px);
    for (int column = 0; column < 3; ++column) {
      camera.rotation[column] =
          std::exchange(camera.rotation[3 + column], -camera.rotation[column]);
    }
    camera.translation[0] = std::exchange(camera.translation[1], -camera.translation[0]);
  }
  return camera;
}

Camera PixelMap::network_camera(const Camera& stored_camera) const {
  Camera camera = stored_camera;
  for (int turn = clockwise_quarter_turns(orientation); turn > 0; --turn) {
    // The step of network_from_stored; in the camera's frame (x, y, z) -> (-y, x, z).
    camera.cy_px =
        std::exchange(camera.cx_px, static_cast<double>(camera.height_px) - camera.cy_px);
    std::swap(camera.fx_px, camera.fy_px);
    std::swap(camera.width_px, camera.height_px);
    for (int column = 0; column < 3; ++column) {
      camera.rotation[3 + column] =
          std::exchange(camera.rotation[column], -camera.rotation[3 + column]);
    }
    camera.translation[1] = std::exchange(camera.translation[0], -camera.translation[1]);
  }
  camera.width_px = network_width_px;
  camera.height_px = network_height_px;
  camera.fx_px *= scale_x;
  camera.fy_px *= scale_y;
  camera.cx_px = scale_x * camera.cx_px + offset_x_px;
  camera.cy_px = scale_y * camera.cy_px + offset_y_px;
  return camera;
}

}  // namespace vggt
