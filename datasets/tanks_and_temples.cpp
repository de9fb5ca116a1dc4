// SPDX-License-Identifier: Apache-2.0
#include "datasets/tanks_and_temples.h"

#include "datasets/colmap_scenes.h"
#include "datasets/loading.h"
#include "src/base/error.h"

namespace vggt::datasets {
namespace {

// In the scene's folder or beside it; empty if there is none.
std::string find_log(const std::string& folder, const std::string& scene) {
  for (const std::string& path :
       {folder + "/" + scene + "_COLMAP_SfM.log", folder + "/../" + scene + "_COLMAP_SfM.log"}) {
    if (is_file(path)) return path;
  }
  return "";
}

// Blocks of "i i 0" and a 4 x 4 world_from_cam, in the order of the photos.
void read_log(const std::string& path, const std::string& folder, Sequence& sequence) {
  constexpr size_t kNumbers = 3 + 16;
  const std::vector<double> numbers = read_numbers(path, kNumbers);
  const std::string images = is_folder(folder + "/images") ? folder + "/images" : folder;
  const std::vector<std::string> photos = files_in(images, {".jpg", ".jpeg", ".png"});
  const size_t count = numbers.size() / kNumbers;
  for (size_t i = 0; i < count; ++i) {
    const double* const block = &numbers[kNumbers * i];
    const Rigid world_from_cam = rigid_from(block + 3);
    const auto photo = static_cast<size_t>(block[0]);
    if (!is_pose(world_from_cam)) {
      throw IoError(path, "block " + std::to_string(i) + " holds no pose");
    }
    if (!(block[0] >= 0) || photo >= photos.size()) {
      throw IoError(path,
                    "tells of photo " + std::to_string(photo + 1) + ", but " + images + " holds " +
                        std::to_string(photos.size()));
    }
    sequence.frames.push_back(
        {.image = images + "/" + photos[photo], .camera = placed({}, inverse(world_from_cam))});
  }
}

}  // namespace

Dataset load_tanks_and_temples(const LoadOptions& options) {
  Dataset dataset{.name = "tanks"};
  const auto is_scene = [](const std::string& folder) {
    return !find_log(folder, sequence_name(folder, ".")).empty() ||
           !find_colmap_model(folder).empty();
  };
  for (const std::string& folder :
       sequence_folders(options.root, "<Scene>_COLMAP_SfM.log or sparse/0", is_scene)) {
    const std::string name = sequence_name(options.root, folder);
    const std::string path = options.root + "/" + folder;
    dataset.sequences.push_back(read_sequence(
        {.name = name, .category = name, .trust = "published SfM"}, [&](Sequence& sequence) {
          const std::string log = find_log(path, name);
          if (!log.empty()) {
            read_log(log, path, sequence);
          } else {
            sequence.frames = colmap_frames(find_colmap_model(path), path + "/images");
          }
        }));
  }
  return dataset;
}

}  // namespace vggt::datasets
