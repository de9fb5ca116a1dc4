// SPDX-License-Identifier: Apache-2.0
#include "src/image/export_scene.h"

#include "src/base/error.h"
#include "src/image/depth_png.h"
#include "src/io/gltf.h"
#include "src/pipeline/export.h"

#include <ATen/ATen.h>

#include <filesystem>

namespace vggt {

double export_scene(const Reconstruction& reconstruction, const std::string& folder) {
  namespace fs = std::filesystem;
  const fs::path root(folder);
  std::vector<GltfCamera> cameras;
  for (const View& view : reconstruction.views) cameras.push_back({view.name, view.camera});
  write_glb((root / "scene.glb").string(), reconstruction.points, cameras, reconstruction.note);

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

}  // namespace vggt
