// SPDX-License-Identifier: Apache-2.0
#include "datasets/colmap_scenes.h"

#include <algorithm>
#include <map>

#include "datasets/loading.h"
#include "src/image/natural_order.h"
#include "src/io/colmap.h"

namespace vggt::datasets {

std::vector<Frame> colmap_frames(const std::string& model, const std::string& images) {
  ColmapModel colmap = read_colmap_model(model, ColmapDistortion::kIgnore);
  std::map<uint32_t, ColmapModel::Camera> cameras;
  for (const auto& camera : colmap.cameras) cameras[camera.id] = camera;
  std::sort(colmap.images.begin(), colmap.images.end(), [](const auto& a, const auto& b) {
    return natural_less(a.name, b.name);
  });
  std::vector<Frame> frames;
  for (const auto& image : colmap.images) {
    const ColmapModel::Camera& camera = cameras.at(image.camera_id);  // read_colmap() has checked
    const auto& q = image.rotation_wxyz;
    const Camera intrinsics{static_cast<int64_t>(camera.width_px),
                            static_cast<int64_t>(camera.height_px),
                            camera.fx_px,
                            camera.fy_px,
                            camera.cx_px,
                            camera.cy_px};
    frames.push_back(
        {.image = images + "/" + image.name,
         .camera = placed(intrinsics,
                          rigid_from_quaternion({q[1], q[2], q[3], q[0]}, image.translation))});
  }
  return frames;
}

Dataset load_colmap(const LoadOptions& options) {
  Dataset dataset{.name = "colmap"};
  const auto has_model = [](const std::string& folder) {
    return !find_colmap_model(folder).empty();
  };
  for (const std::string& folder :
       sequence_folders(options.root, "COLMAP model (sparse/0/images.bin or .txt)", has_model)) {
    const std::string name = sequence_name(options.root, folder);
    const std::string path = options.root + "/" + folder;
    dataset.sequences.push_back(read_sequence(
        {.name = name, .category = name, .trust = "own SfM"}, [&](Sequence& sequence) {
          sequence.frames = colmap_frames(find_colmap_model(path), path + "/images");
        }));
  }
  return dataset;
}

}  // namespace vggt::datasets
