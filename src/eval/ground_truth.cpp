// SPDX-License-Identifier: Apache-2.0
#include "src/eval/ground_truth.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace vggt::eval {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

at::Tensor depth_on_truth(const at::Tensor& depth,
                          const PixelMap& map,
                          int64_t true_height,
                          int64_t true_width) {
  const auto height = static_cast<double>(depth.size(0));
  const auto width = static_cast<double>(depth.size(1));
  const double to_stored_x = static_cast<double>(map.stored_width_px) / true_width;
  const double to_stored_y = static_cast<double>(map.stored_height_px) / true_height;
  at::Tensor grid = at::empty({1, true_height, true_width, 2}, at::kFloat);
  at::Tensor seen = at::empty({true_height, true_width}, at::kBool);
  float* place = grid.mutable_data_ptr<float>();
  bool* inside = seen.mutable_data_ptr<bool>();
  for (int64_t y = 0; y < true_height; ++y) {
    for (int64_t x = 0; x < true_width; ++x) {
      const auto [u, v] = map.network_from_stored((x + 0.5) * to_stored_x, (y + 0.5) * to_stored_y);
      *inside++ = u >= 0 && v >= 0 && u < width && v < height;
      // grid_sampler's -1 and 1 are the outer edges of the picture.
      *place++ = static_cast<float>(2 * u / width - 1);
      *place++ = static_cast<float>(2 * v / height - 1);
    }
  }
  constexpr int64_t kBicubic = 2;
  constexpr int64_t kBorder = 1;
  const at::Tensor sampled =
      at::grid_sampler_2d(depth.to(at::kFloat).view({1, 1, depth.size(0), depth.size(1)}),
                          grid,
                          kBicubic,
                          kBorder,
                          false);
  return sampled.view({true_height, true_width}).masked_fill(seen.logical_not(), kNaN);
}

at::Tensor points_on_network(const at::Tensor& depth, const Camera& camera, const PixelMap& map) {
  const at::Tensor values = depth.to(at::kFloat).contiguous();
  const float* value = values.const_data_ptr<float>();
  const int64_t rows = depth.size(0);
  const int64_t columns = depth.size(1);
  at::Tensor points = at::full({map.network_height_px, map.network_width_px, 3}, kNaN, at::kDouble);
  double* point = points.mutable_data_ptr<double>();
  for (int64_t y = 0; y < map.network_height_px; ++y) {
    for (int64_t x = 0; x < map.network_width_px; ++x, point += 3) {
      if (!map.shows_picture(x, y)) continue;
      const auto [u, v] = map.stored_from_network(x + 0.5, y + 0.5);
      const auto column = static_cast<int64_t>(std::floor(u * columns / map.stored_width_px));
      const auto row = static_cast<int64_t>(std::floor(v * rows / map.stored_height_px));
      const double z = value[std::clamp<int64_t>(row, 0, rows - 1) * columns +
                             std::clamp<int64_t>(column, 0, columns - 1)];
      if (!(z > 0 && std::isfinite(z))) continue;
      const std::array<double, 3> in_cam = {
          (u - camera.cx_px) / camera.fx_px * z, (v - camera.cy_px) / camera.fy_px * z, z};
      for (int k = 0; k < 3; ++k) {
        point[k] = 0;
        for (int row_of = 0; row_of < 3; ++row_of) {
          point[k] +=
              camera.rotation[3 * row_of + k] * (in_cam[row_of] - camera.translation[row_of]);
        }
      }
    }
  }
  return points;
}

}  // namespace vggt::eval
