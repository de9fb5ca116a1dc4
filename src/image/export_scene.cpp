// SPDX-License-Identifier: Apache-2.0
#include "src/image/export_scene.h"

#include "src/base/error.h"
#include "src/geometry/pose_encoding.h"
#include "src/image/depth_png.h"
#include "src/io/gltf.h"
#include "src/pipeline/export.h"

#include <ATen/ATen.h>

#include <filesystem>

namespace vggt {

void write_scene(const std::string& path, const Reconstruction& reconstruction) {
  std::vector<GltfCamera> cameras;
  for (const View& view : reconstruction.views) cameras.push_back({view.name, view.camera});
  write_glb(path, reconstruction.points, cameras, reconstruction.note);
}

double export_scene(const Reconstruction& reconstruction, const std::string& folder) {
  namespace fs = std::filesystem;
  const fs::path root(folder);
  write_scene((root / "scene.glb").string(), reconstruction);
  const double scale = depth_png_scale(reconstruction.depth);
  const std::vector<std::string> stems = photo_stems(reconstruction.views);
  for (size_t s = 0; s < stems.size(); ++s) {
    const fs::path path = root / "depth" / (stems[s] + ".png");
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) throw IoError(path.parent_path().string(), "cannot be created: " + error.message());
    write_depth_png(path.string(), reconstruction.depth[static_cast<int64_t>(s)], scale);
  }
  return scale;
}

NpzFile npz_from(const Reconstruction& reconstruction) {
  NpzFile npz;
  npz.tensors["depth"] = reconstruction.depth;
  npz.tensors["confidence"] = reconstruction.confidence;
  std::vector<at::Tensor> intrinsics;
  std::vector<at::Tensor> cam_from_world;
  for (const View& view : reconstruction.views) {
    const CameraMatrices matrices = matrices_of(view.camera);
    intrinsics.push_back(matrices.intrinsics);
    cam_from_world.push_back(matrices.extrinsics);
    npz.texts["names"].push_back(view.name);
  }
  npz.tensors["intrinsics"] = at::stack(intrinsics);
  npz.tensors["cam_from_world"] = at::stack(cam_from_world);
  const PointCloud& points = reconstruction.points;
  const std::pair<const char*, const at::Tensor*> arrays[] = {
      {"position", &points.position},
      {"colour", &points.colour},
      {"point_confidence", &points.confidence},
      {"frame", &points.frame},
      {"normal", &points.normal}};
  for (const auto& [name, tensor] : arrays) {
    if (tensor->defined()) npz.tensors[name] = *tensor;
  }
  return npz;
}

}  // namespace vggt
