// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/tracks.h"

#include "kernels/raycast/raycast.h"
#include "src/synthetic/overlap.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace vggt::synthetic {

Tracks make_tracks(const kernels::RaycastScene& scene,
                   const std::vector<Camera>& cameras,
                   size_t query,
                   const at::Tensor& depth,
                   int64_t count,
                   Random random) {
  // A ray that meets the point's surface ends there to float32's rounding; at a grazing angle that
  // rounding is some times larger.
  constexpr double kSameDepth = 1e-3;
  TORCH_CHECK(depth.dim() == 2 && depth.scalar_type() == at::kFloat && depth.is_cpu(),
              "make_tracks: depth must be [H, W] float on the CPU, got ",
              depth.sizes());
  TORCH_CHECK(query < cameras.size() && count >= 0, "make_tracks: no such frame or count");
  const int64_t width = depth.size(1);
  const at::Tensor surfaces = depth.flatten().gt(0).nonzero().flatten();
  if (surfaces.numel() == 0) count = 0;
  const Camera& from = cameras[query];
  const std::array<double, 3> centre = from.centre_in_world();
  const auto frames = static_cast<int64_t>(cameras.size());
  Tracks tracks;
  tracks.points = at::empty({count, 3}, at::kDouble);
  tracks.pixels = at::empty({frames, count, 2}, at::kFloat);
  tracks.visible = at::zeros({frames, count}, at::kBool);
  auto points = tracks.points.accessor<double, 2>();
  const at::Tensor rows = depth.contiguous();
  const auto* z_of = rows.const_data_ptr<float>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = surfaces[random.index(surfaces.numel())].item<int64_t>();
    const auto z = static_cast<double>(z_of[at]);
    const double in_cam[3] = {z * (static_cast<double>(at % width) + 0.5 - from.cx_px) / from.fx_px,
                              z * (static_cast<double>(at / width) + 0.5 - from.cy_px) / from.fy_px,
                              z};
    for (size_t k = 0; k < 3; ++k) {
      double world = centre[k];
      for (size_t row = 0; row < 3; ++row) world += from.rotation[3 * row + k] * in_cam[row];
      points[i][static_cast<int64_t>(k)] = world;
    }
  }
  auto pixels = tracks.pixels.accessor<float, 3>();
  auto visible = tracks.visible.accessor<bool, 2>();
  at::Tensor places = at::empty({count, 2}, at::kDouble);
  auto place = places.accessor<double, 2>();
  std::vector<double> z_there(static_cast<size_t>(count));
  for (int64_t frame = 0; frame < frames; ++frame) {
    const Camera& camera = cameras[static_cast<size_t>(frame)];
    for (int64_t i = 0; i < count; ++i) {
      double in_cam[3];
      for (size_t row = 0; row < 3; ++row) {
        in_cam[row] = camera.translation[row];
        for (int64_t k = 0; k < 3; ++k) {
          in_cam[row] += camera.rotation[3 * row + static_cast<size_t>(k)] * points[i][k];
        }
      }
      const bool ahead = in_cam[2] > 1e-6;
      const double inverse = ahead ? 1 / in_cam[2] : 0;
      place[i][0] = ahead ? camera.fx_px * in_cam[0] * inverse + camera.cx_px : -1e6;
      place[i][1] = ahead ? camera.fy_px * in_cam[1] * inverse + camera.cy_px : -1e6;
      z_there[static_cast<size_t>(i)] = in_cam[2];
      pixels[frame][i][0] = static_cast<float>(place[i][0]);
      pixels[frame][i][1] = static_cast<float>(place[i][1]);
    }
    const at::Tensor seen = kernels::raycast_depth(scene, raycast_camera(camera), places);
    const auto seen_z = seen.accessor<float, 1>();
    for (int64_t i = 0; i < count; ++i) {
      const double expected = z_there[static_cast<size_t>(i)];
      visible[frame][i] = place[i][0] >= 0 && place[i][1] >= 0 &&
                          place[i][0] < static_cast<double>(camera.width_px) &&
                          place[i][1] < static_cast<double>(camera.height_px) &&
                          std::abs(seen_z[i] - expected) < kSameDepth * expected;
    }
  }
  return tracks;
}

}  // namespace vggt::synthetic
