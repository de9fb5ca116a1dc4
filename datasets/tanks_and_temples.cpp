// SPDX-License-Identifier: Apache-2.0
#include "datasets/tanks_and_temples.h"

#include <utility>

#include "datasets/colmap_scenes.h"
#include "datasets/loading.h"
#include "src/base/error.h"
#include "src/io/colmap.h"

namespace vggt::datasets {
namespace {

// The distances of the F-scores, in metres, of the scenes whose scans are public.
constexpr std::pair<const char*, double> kDistances_m[] = {{"Barn", 0.01},
                                                           {"Caterpillar", 0.005},
                                                           {"Church", 0.025},
                                                           {"Courthouse", 0.025},
                                                           {"Ignatius", 0.003},
                                                           {"Meetingroom", 0.01},
                                                           {"Truck", 0.005}};

// "<Scene>.ply" in the scene's folder or beside it; empty if there is none.
std::string find(const std::string& folder, const std::string& file) {
  for (const std::string& path : {folder + "/" + file, folder + "/../" + file}) {
    if (is_file(path)) return path;
  }
  return "";
}

std::string find_log(const std::string& folder, const std::string& scene) {
  return find(folder, scene + "_COLMAP_SfM.log");
}

// Only poses of the log are in the world that the transform starts from.
ScanFile find_scan(const std::string& folder, const std::string& scene) {
  ScanFile scan{.path = find(folder, scene + ".ply"),
                .transform = find(folder, scene + "_trans.txt"),
                .crop = find(folder, scene + ".json")};
  for (const auto& [name, distance] : kDistances_m) {
    if (scene == name) scan.f_distance = distance;
  }
  const bool whole =
      !scan.path.empty() && !scan.transform.empty() && !scan.crop.empty() && scan.f_distance > 0;
  return whole ? scan : ScanFile{};
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
            sequence.scan = find_scan(path, name);
          } else {
            sequence.frames = colmap_frames(find_colmap_model(path), path + "/images");
          }
        }));
  }
  return dataset;
}

}  // namespace vggt::datasets
