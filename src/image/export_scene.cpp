// SPDX-License-Identifier: Apache-2.0
#include "src/image/export_scene.h"

#include "src/geometry/pose_encoding.h"
#include "src/image/map_png.h"
#include "src/io/gltf.h"
#include "src/pipeline/export.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <string>
#include <vector>

namespace vggt {

void write_scene(const std::string& path, const Reconstruction& reconstruction) {
  std::vector<GltfCamera> cameras;
  for (const View& view : reconstruction.views) cameras.push_back({view.name, view.camera});
  write_glb(path, reconstruction.points, cameras, reconstruction.note);
}

MapScales map_scales(const Reconstruction& reconstruction) {
  return {.depth = map_png_scale(reconstruction.depth),
          .confidence = map_png_scale(reconstruction.confidence)};
}

std::vector<OutputFile> scene_files(const Reconstruction& reconstruction,
                                    const std::string& folder,
                                    const MapScales& scales) {
  const std::filesystem::path root(folder);
  const std::vector<std::string> stems = photo_stems(reconstruction.views);
  std::vector<OutputFile> files;
  const std::string scene = (root / "scene.glb").string();
  files.push_back({scene, [scene, result = &reconstruction] { write_scene(scene, *result); }});
  const auto add_maps = [&](const char* name, const at::Tensor& maps, double scale) {
    for (size_t s = 0; s < stems.size(); ++s) {
      const std::string path = (root / name / (stems[s] + ".png")).string();
      files.push_back({path, [path, map = maps[static_cast<int64_t>(s)], scale] {
                         write_map_png(path, map, scale);
                       }});
    }
  };
  add_maps("depth", reconstruction.depth, scales.depth);
  add_maps("confidence", reconstruction.confidence, scales.confidence);
  return files;
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
  npz.texts["files"] = photo_stems(reconstruction.views);
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
