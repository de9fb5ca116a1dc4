// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/overlap.h"

#include "kernels/raycast/raycast.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vggt::synthetic {
namespace {

constexpr int64_t kGrid = 16;

// The middles of the grid's cells in pixels.
at::Tensor grid_of(const Camera& camera) {
  at::Tensor grid = at::empty({kGrid * kGrid, 2}, at::kDouble);
  auto pixel = grid.accessor<double, 2>();
  for (int64_t i = 0; i < kGrid * kGrid; ++i) {
    pixel[i][0] =
        (static_cast<double>(i % kGrid) + 0.5) / kGrid * static_cast<double>(camera.width_px);
    pixel[i][1] =
        (static_cast<double>(i / kGrid) + 0.5) / kGrid * static_cast<double>(camera.height_px);
  }
  return grid;
}

}  // namespace

kernels::RaycastCamera raycast_camera(const Camera& camera) {
  kernels::RaycastCamera result;
  result.fx_px = camera.fx_px;
  result.fy_px = camera.fy_px;
  result.cx_px = camera.cx_px;
  result.cy_px = camera.cy_px;
  std::copy(camera.rotation.begin(), camera.rotation.end(), result.rotation);
  std::copy(camera.translation.begin(), camera.translation.end(), result.translation);
  return result;
}

double overlap(const kernels::RaycastScene& scene, const Camera& from, const Camera& to) {
  constexpr double kSameDepth = 0.02;
  const at::Tensor grid = grid_of(from);
  const at::Tensor depth = kernels::raycast_depth(scene, raycast_camera(from), grid);
  const auto pixel = grid.accessor<double, 2>();
  const auto z = depth.accessor<float, 1>();
  std::vector<double> inside;  // x, y in the other picture
  std::vector<double> expected;
  int64_t surfaces = 0;
  const std::array<double, 3> centre = from.centre_in_world();
  for (int64_t i = 0; i < kGrid * kGrid; ++i) {
    if (!(z[i] > 0)) continue;
    ++surfaces;
    const double in_from[3] = {z[i] * (pixel[i][0] - from.cx_px) / from.fx_px,
                               z[i] * (pixel[i][1] - from.cy_px) / from.fy_px,
                               z[i]};
    double in_to[3];
    double world[3];
    for (size_t k = 0; k < 3; ++k) {
      world[k] = centre[k];
      for (size_t row = 0; row < 3; ++row) world[k] += from.rotation[3 * row + k] * in_from[row];
    }
    for (size_t row = 0; row < 3; ++row) {
      in_to[row] = to.translation[row];
      for (size_t k = 0; k < 3; ++k) in_to[row] += to.rotation[3 * row + k] * world[k];
    }
    if (!(in_to[2] > 0)) continue;
    const double x = to.fx_px * in_to[0] / in_to[2] + to.cx_px;
    const double y = to.fy_px * in_to[1] / in_to[2] + to.cy_px;
    if (!(x > 0 && y > 0 && x < static_cast<double>(to.width_px) &&
          y < static_cast<double>(to.height_px))) {
      continue;
    }
    inside.insert(inside.end(), {x, y});
    expected.push_back(in_to[2]);
  }
  if (inside.empty()) return 0;
  const auto count = static_cast<int64_t>(expected.size());
  const at::Tensor there = at::from_blob(inside.data(), {count, 2}, at::kDouble);
  const at::Tensor seen = kernels::raycast_depth(scene, raycast_camera(to), there);
  const auto seen_z = seen.accessor<float, 1>();
  int64_t visible = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double z_there = expected[static_cast<size_t>(i)];
    visible += std::abs(seen_z[i] - z_there) < kSameDepth * z_there ? 1 : 0;
  }
  return static_cast<double>(visible) / static_cast<double>(surfaces);
}

bool are_connected(const kernels::RaycastScene& scene,
                   const std::vector<Camera>& cameras,
                   double least) {
  std::vector<size_t> group(cameras.size());
  std::iota(group.begin(), group.end(), size_t{0});
  size_t groups = cameras.size();
  const auto try_pair = [&](size_t i, size_t j) {
    if (group[i] == group[j]) return;
    if (overlap(scene, cameras[i], cameras[j]) < least ||
        overlap(scene, cameras[j], cameras[i]) < least) {
      return;
    }
    const size_t merged = group[j];
    std::replace(group.begin(), group.end(), merged, group[i]);
    --groups;
  };
  // Neighbours first: in most rigs they are enough.
  for (size_t apart = 1; apart < cameras.size() && groups > 1; ++apart) {
    for (size_t i = 0; i + apart < cameras.size() && groups > 1; ++i) try_pair(i, i + apart);
  }
  return groups <= 1;
}

double usable_share(const kernels::RaycastScene& scene, const Camera& camera, double nearest) {
  const at::Tensor depth = kernels::raycast_depth(scene, raycast_camera(camera), grid_of(camera));
  return depth.gt(nearest).sum().item<double>() / (kGrid * kGrid);
}

}  // namespace vggt::synthetic
