// SPDX-License-Identifier: Apache-2.0
#include "datasets/nrgbd.h"

#include "datasets/loading.h"
#include "src/base/error.h"

namespace vggt::datasets {
namespace {

// What papers take where focal.txt is missing.
constexpr double kFocal_px = 554.2562584220408;
constexpr double kNearest_m = 1e-3;
constexpr double kFarthest_m = 10;

void read_frames(const std::string& folder, Sequence& sequence) {
  const std::vector<std::string> photos = files_in(folder + "/images", {".png", ".jpg"});
  const std::vector<double> poses = read_numbers(folder + "/poses.txt", 16);
  if (photos.size() != poses.size() / 16) {
    throw IoError(folder + "/poses.txt",
                  "holds " + std::to_string(poses.size() / 16) + " poses for " +
                      std::to_string(photos.size()) + " photos in images/");
  }
  const std::string focal_file = folder + "/focal.txt";
  const double focal = is_file(focal_file) ? read_numbers(focal_file, 1)[0] : kFocal_px;
  const Camera camera{640, 480, focal, focal, 320, 240};
  for (size_t i = 0; i < photos.size(); ++i) {
    const Rigid world_from_cam = opengl_turned(rigid_from(&poses[16 * i]));
    if (!is_pose(world_from_cam)) continue;  // rows of nan, where tracking was lost
    Frame frame{.image = folder + "/images/" + photos[i],
                .camera = placed(camera, inverse(world_from_cam))};
    // img7.png, depth7.png
    const std::string depth =
        folder + "/depth/depth" + photos[i].substr(photos[i].find_first_of("0123456789"));
    if (is_file(depth)) {
      frame.depth = {
          .path = depth, .values_per_unit = 1000, .nearest = kNearest_m, .farthest = kFarthest_m};
    }
    sequence.frames.push_back(std::move(frame));
  }
}

}  // namespace

Dataset load_nrgbd(const LoadOptions& options) {
  Dataset dataset{.name = "nrgbd"};
  const auto is_scene = [](const std::string& folder) {
    return is_file(folder + "/poses.txt") && is_folder(folder + "/images");
  };
  for (const std::string& folder :
       sequence_folders(options.root, "poses.txt and images/", is_scene)) {
    const std::string name = sequence_name(options.root, folder);
    dataset.sequences.push_back(read_sequence(
        {.name = name, .category = name, .trust = "exact", .units_per_metre = 1},
        [&](Sequence& sequence) { read_frames(options.root + "/" + folder, sequence); }));
  }
  return dataset;
}

}  // namespace vggt::datasets
