// SPDX-License-Identifier: Apache-2.0
#include "src/train/targets.h"

#include <ATen/ATen.h>

namespace vggt::train {

namespace {

// What the pixels of a grid show. World = frame 0.
struct Surface {
  at::Tensor depth;   // [B, S, n]
  at::Tensor points;  // [B, S, n, 3]
};

at::Tensor parameter(const Batch& batch, int64_t i, int64_t j) {
  return batch.camera.intrinsics.select(3, j).select(2, i).unsqueeze(2);  // [B, S, 1]
}

// rows, columns: indices of pixels, long.
Surface surface_at(const Batch& batch, const at::Tensor& rows, const at::Tensor& columns) {
  Surface surface;
  surface.depth = batch.depth.index_select(2, rows).index_select(3, columns).flatten(2);
  const int64_t height = rows.size(0);
  const int64_t width = columns.size(0);
  // Rays go through the middles of pixels.
  const at::Tensor y = (rows + 0.5).view({height, 1}).expand({height, width}).reshape({-1});
  const at::Tensor x = (columns + 0.5).view({1, width}).expand({height, width}).reshape({-1});
  const at::Tensor in_cam =
      at::stack({(x - parameter(batch, 0, 2)) / parameter(batch, 0, 0) * surface.depth,
                 (y - parameter(batch, 1, 2)) / parameter(batch, 1, 1) * surface.depth,
                 surface.depth},
                3);
  const at::Tensor translation = batch.camera.extrinsics.select(3, 3).unsqueeze(2);
  // x_in_world = R^T (x_in_cam - t): as rows, times R.
  surface.points = (in_cam - translation).matmul(batch.camera.extrinsics.slice(3, 0, 3));
  return surface;
}

}  // namespace

at::Tensor world_points(const Batch& batch) {
  const int64_t height = batch.depth.size(2);
  const int64_t width = batch.depth.size(3);
  const auto options = batch.depth.options().dtype(at::kLong);
  return surface_at(batch, at::arange(height, options), at::arange(width, options))
      .points.unflatten(2, {height, width});
}

PatchTargets patch_targets(const Batch& batch, int64_t patch_size) {
  constexpr double kSameDepth = 0.05;
  constexpr double kNearest = 0.02;  // of the scene's unit: nearer points project anywhere
  const int64_t frames = batch.depth.size(1);
  const int64_t height = batch.depth.size(2);
  const int64_t width = batch.depth.size(3);
  const int64_t rows = height / patch_size;
  const int64_t columns = width / patch_size;
  const auto options = batch.depth.options().dtype(at::kLong);
  const Surface surface = surface_at(batch,
                                     at::arange(rows, options) * patch_size + patch_size / 2,
                                     at::arange(columns, options) * patch_size + patch_size / 2);
  PatchTargets targets;
  targets.depth = surface.depth;
  targets.points = surface.points;

  // All patches of i in all frames j: [B, i, j, n, 3].
  const at::Tensor rotation = batch.camera.extrinsics.slice(3, 0, 3);
  const at::Tensor translation = batch.camera.extrinsics.select(3, 3).unsqueeze(2);
  const at::Tensor seen =
      targets.points.unsqueeze(2).matmul(rotation.transpose(2, 3).unsqueeze(1)) +
      translation.unsqueeze(1);
  const at::Tensor z = seen.select(4, 2);
  const at::Tensor in_front = z.clamp_min(kNearest);
  const auto projected = [&](int64_t axis) {
    return seen.select(4, axis) / in_front * parameter(batch, axis, axis).unsqueeze(1) +
           parameter(batch, axis, 2).unsqueeze(1);
  };
  const at::Tensor u = projected(0);
  const at::Tensor v = projected(1);
  const at::Tensor inside = (z > kNearest) & (u >= 0) & (u < width) & (v >= 0) & (v < height) &
                            (targets.depth > 0).unsqueeze(2);
  const at::Tensor pixel_u = u.clamp(0, width - 1).to(at::kLong);
  const at::Tensor pixel_v = v.clamp(0, height - 1).to(at::kLong);
  const at::Tensor maps = batch.depth.flatten(2).unsqueeze(1).expand({-1, frames, -1, -1});
  const at::Tensor there = maps.gather(3, pixel_v * width + pixel_u);
  const at::Tensor visible = inside & ((there - z).abs() < kSameDepth * z);
  const at::Tensor patch =
      pixel_v.floor_divide(patch_size) * columns + pixel_u.floor_divide(patch_size);
  targets.match = at::where(visible, patch, at::full({}, -1, options));

  targets.place = at::stack({u.select(2, 0) / width * 2 - 1, v.select(2, 0) / height * 2 - 1}, 3);
  targets.has_place = visible.select(2, 0).clone();
  targets.has_place.select(1, 0).fill_(false);
  return targets;
}

}  // namespace vggt::train
