// SPDX-License-Identifier: Apache-2.0
#include "datasets/eth3d.h"

#include "datasets/colmap_scenes.h"
#include "datasets/loading.h"

namespace vggt::datasets {

Dataset load_eth3d(const LoadOptions& options) {
  constexpr const char* kModel = "/dslr_calibration_undistorted";
  Dataset dataset{.name = "eth3d"};
  const auto is_scene = [&](const std::string& folder) { return is_folder(folder + kModel); };
  for (const std::string& folder :
       sequence_folders(options.root, "dslr_calibration_undistorted/", is_scene)) {
    const std::string name = sequence_name(options.root, folder);
    const std::string path = options.root + "/" + folder;
    dataset.sequences.push_back(read_sequence(
        {.name = name, .category = name, .trust = "ground truth", .units_per_metre = 1},
        [&](Sequence& sequence) {
          sequence.frames = colmap_frames(path + kModel, path + "/images");
        }));
  }
  return dataset;
}

}  // namespace vggt::datasets
