// SPDX-License-Identifier: Apache-2.0
#include "src/train/batch.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/unproject/unproject.h"
#include "src/synthetic/random.h"

namespace vggt::train {
namespace {

// [3, 4] -> [4, 4].
at::Tensor homogeneous(const at::Tensor& matrix) {
  return at::cat({matrix, at::tensor({0.0, 0.0, 0.0, 1.0}, matrix.options()).view({1, 4})});
}

// Cameras of a scene relative to its first, [S, 3, 4] and [S, 3, 3] double, lengths in metres.
CameraMatrices relative_to_first(const std::vector<Camera>& cameras) {
  std::vector<at::Tensor> extrinsics;
  std::vector<at::Tensor> intrinsics;
  at::Tensor world_from_first;
  for (const Camera& camera : cameras) {
    const CameraMatrices matrices = matrices_of(camera);
    if (!world_from_first.defined())
      world_from_first = at::inverse(homogeneous(matrices.extrinsics));
    extrinsics.push_back(matrices.extrinsics.matmul(world_from_first));
    intrinsics.push_back(matrices.intrinsics);
  }
  return {at::stack(extrinsics), at::stack(intrinsics)};
}

double mean_distance(const at::Tensor& depth, const CameraMatrices& cameras) {
  const at::Tensor points = kernels::unproject(depth,
                                               cameras.extrinsics.to(depth.device(), at::kFloat),
                                               cameras.intrinsics.to(depth.device(), at::kFloat),
                                               at::kDouble);
  const at::Tensor distances = points.norm(2, -1).masked_select(depth > 0);
  return distances.numel() > 0 ? distances.mean().item<double>() : 1;
}

// The tracks of all scenes, of as many points as the scene with the most; those of the others come
// again.
void add_tracks(const std::vector<synthetic::Sample>& scenes, Batch& batch) {
  int64_t most = 0;
  for (const synthetic::Sample& scene : scenes) {
    most = std::max(most, scene.tracks.pixels.size(1));
  }
  std::vector<at::Tensor> pixels;
  std::vector<at::Tensor> visible;
  for (const synthetic::Sample& scene : scenes) {
    const at::Tensor point = at::arange(most, at::kLong).remainder(scene.tracks.pixels.size(1));
    pixels.push_back(scene.tracks.pixels.index_select(1, point));
    visible.push_back(scene.tracks.visible.index_select(1, point));
  }
  batch.tracks = at::stack(pixels);
  batch.visible = at::stack(visible);
}

}  // namespace

Batch Batch::to(at::Device device) const {
  const auto there = [&](const at::Tensor& x) { return x.defined() ? x.to(device) : x; };
  return {there(images),
          there(depth),
          there(pose),
          {there(camera.extrinsics), there(camera.intrinsics)},
          there(tracks),
          there(visible)};
}

Batch make_batch(const std::vector<synthetic::Sample>& scenes, uint64_t seed) {
  std::vector<at::Tensor> images;
  std::vector<at::Tensor> depths;
  std::vector<at::Tensor> extrinsics;
  std::vector<at::Tensor> intrinsics;
  const synthetic::Random random(seed);
  for (size_t i = 0; i < scenes.size(); ++i) {
    const synthetic::Sample& scene = scenes[i];
    images.push_back(synthetic::photometric(scene.linear, random.stream(i).bits()));
    const CameraMatrices cameras = relative_to_first(scene.cameras);
    const double unit = mean_distance(scene.depth, cameras);
    depths.push_back(scene.depth / unit);
    at::Tensor scaled = cameras.extrinsics.clone();
    scaled.select(2, 3) /= unit;
    extrinsics.push_back(scaled);
    intrinsics.push_back(cameras.intrinsics);
  }
  Batch batch;
  batch.images = at::stack(images);
  batch.depth = at::stack(depths);
  const CameraMatrices cameras = {at::stack(extrinsics), at::stack(intrinsics)};
  batch.pose = encode_pose(cameras, batch.depth.size(2), batch.depth.size(3));
  batch.camera = {cameras.extrinsics.to(at::kFloat), cameras.intrinsics.to(at::kFloat)};
  const auto has_tracks = [](const synthetic::Sample& scene) {
    return scene.tracks.pixels.defined() && scene.tracks.pixels.size(1) > 0;
  };
  if (std::all_of(scenes.begin(), scenes.end(), has_tracks)) add_tracks(scenes, batch);
  return batch.to(batch.depth.device());
}

}  // namespace vggt::train
