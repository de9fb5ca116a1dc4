// SPDX-License-Identifier: Apache-2.0
#include "datasets/seven_scenes.h"

#include <fstream>

#include "datasets/loading.h"
#include "src/base/error.h"

namespace vggt::datasets {
namespace {

// The colour camera as all papers take it; half a pixel from centres of pixels to their corners.
constexpr Camera kColour{640, 480, 525, 525, 320.5, 240.5};
constexpr double kDepthFocal_px = 585;
constexpr double kNearest_m = 1e-3;
constexpr double kFarthest_m = 10;

// "sequence1", one a line, is the folder seq-01.
std::vector<std::string> listed_sequences(const std::string& path) {
  constexpr std::string_view kWord = "sequence";
  std::ifstream file(path);
  if (!file) throw IoError(path, "cannot be opened");
  std::vector<std::string> folders;
  for (std::string word; file >> word;) {
    const std::string number = word.substr(std::min(word.size(), kWord.size()));
    if (word.rfind(kWord, 0) != 0 || number.empty() ||
        number.find_first_not_of("0123456789") != std::string::npos) {
      throw IoError(path, "holds '" + word.substr(0, 40) + "', no name like sequence1");
    }
    folders.push_back(number.size() < 2 ? "seq-0" + number : "seq-" + number);
  }
  return folders;
}

void read_frames(const std::string& folder, Sequence& sequence) {
  constexpr std::string_view kPhoto = ".color.png";
  if (!is_folder(folder)) throw IoError(folder, "is missing");
  for (const std::string& name : files_in(folder, {".png"})) {
    if (!name.ends_with(kPhoto)) continue;
    const std::string stem = folder + "/" + name.substr(0, name.size() - kPhoto.size());
    const Rigid world_from_cam = rigid_from(read_numbers(stem + ".pose.txt", 16).data());
    if (!is_pose(world_from_cam)) throw IoError(stem + ".pose.txt", "holds no pose");
    Frame frame{.image = folder + "/" + name, .camera = placed(kColour, inverse(world_from_cam))};
    // As projected into the colour camera; else the sensor's own, as far as focal lengths go: where
    // the two cameras stand, 2.5 cm apart, is not published.
    frame.depth = {.path = stem + ".depth.proj.png",
                   .values_per_unit = 1000,
                   .nearest = kNearest_m,
                   .farthest = kFarthest_m};
    if (!is_file(frame.depth.path)) {
      frame.depth.path = stem + ".depth.png";
      frame.depth.then = [](const at::Tensor& depth) {
        return zoomed_depth(depth, kColour.fx_px / kDepthFocal_px);
      };
    }
    if (!is_file(frame.depth.path)) frame.depth = {};
    sequence.frames.push_back(std::move(frame));
  }
}

}  // namespace

Dataset load_seven_scenes(const LoadOptions& options) {
  Dataset dataset{.name = "7scenes"};
  std::vector<std::string> lists;
  if (options.split != "train") lists.push_back("TestSplit.txt");
  if (options.split != "test") lists.push_back("TrainSplit.txt");
  const auto is_scene = [&](const std::string& folder) { return is_file(folder + "/" + lists[0]); };
  for (const std::string& folder : sequence_folders(options.root, lists[0], is_scene)) {
    const std::string scene = sequence_name(options.root, folder);
    const std::string path = options.root + "/" + folder;
    for (const std::string& list : lists) {
      try {
        for (const std::string& name : listed_sequences(path + "/" + list)) {
          dataset.sequences.push_back(
              read_sequence({.name = scene + "/" + name,
                             .category = scene,
                             .trust = "sensor tracking",
                             .units_per_metre = 1},
                            [&](Sequence& sequence) { read_frames(path + "/" + name, sequence); }));
        }
      } catch (const IoError& error) {
        dataset.problems.push_back(error.what());
      }
    }
  }
  return dataset;
}

}  // namespace vggt::datasets
