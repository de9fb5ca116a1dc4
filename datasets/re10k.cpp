// SPDX-License-Identifier: Apache-2.0
#include "datasets/re10k.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "datasets/loading.h"
#include "src/base/error.h"
#include "src/io/json_file.h"

namespace vggt::datasets {
namespace {

// The photos of a sequence lie beside the split's folder or in it.
std::string photos_folder(const LoadOptions& options, const std::string& name) {
  for (const std::string& place : {options.root, options.root + "/" + options.split}) {
    if (is_folder(place + "/" + name)) return place + "/" + name;
  }
  throw IoError(options.root + "/" + name, "is missing: the frames must be taken from the video");
}

// timestamp, four intrinsics in shares of the picture, two unused numbers, 3 x 4 cam_from_world
void read_text(const std::string& path, const std::string& images, Sequence& sequence) {
  constexpr size_t kNumbers = 19;
  constexpr size_t kFirstOfPose = 7;
  const std::vector<std::string> photos = files_in(images, {".png", ".jpg", ".jpeg"});
  std::ifstream file(path);
  if (!file) throw IoError(path, "cannot be opened");
  std::string line;
  std::getline(file, line);  // where the video is
  for (size_t number = 2; std::getline(file, line); ++number) {
    std::istringstream fields(line);
    std::vector<double> values;
    for (double value = 0; fields >> value;) values.push_back(value);
    if (values.empty() && fields.eof()) continue;
    if (values.size() != kNumbers || !fields.eof()) {
      throw IoError(path, "line " + std::to_string(number) + " does not hold 19 numbers");
    }
    const Rigid pose = rigid_from(&values[kFirstOfPose]);
    if (!is_pose(pose)) {
      throw IoError(path, "line " + std::to_string(number) + " holds no rotation and translation");
    }
    const size_t i = sequence.frames.size();
    sequence.frames.push_back(
        {.image = images + "/" + (i < photos.size() ? photos[i] : "frame " + std::to_string(i)),
         .camera = placed({}, pose)});
  }
  if (photos.size() != sequence.frames.size()) {
    throw IoError(images,
                  "holds " + std::to_string(photos.size()) + " photos for the " +
                      std::to_string(sequence.frames.size()) + " lines of " + path);
  }
}

// file paths are relative to the sequence's folder, in some copies to the root.
std::string photo_of(const std::string& folder, const std::string& root, const std::string& file) {
  const std::string from_root = root + "/" + file;
  return is_file(from_root) ? from_root : folder + "/" + file;
}

void read_annotations(const std::string& folder,
                      const std::string& root_folder,
                      Sequence& sequence) {
  const std::string path = folder + "/annotations.json";
  const nlohmann::json root = read_json(path);
  if (!root.is_array()) throw IoError(path, "is no list");
  for (size_t i = 0; i < root.size(); ++i) {
    const JsonFields fields(path, "frame " + std::to_string(i), root[i]);
    std::array<double, 16> matrix;
    fields.matrix("extrinsics", matrix.data(), 4, 4);
    std::array<double, 9> k;
    fields.matrix("intrinsics", k.data(), 3, 3);
    const Rigid pose = rigid_from(matrix.data());
    if (!is_pose(pose)) fields.fail("extrinsics", "is no rotation and translation");
    sequence.frames.push_back(
        {.image = photo_of(folder, root_folder, fields.text("filepath")),
         .camera = placed({.fx_px = k[0], .fy_px = k[4], .cx_px = k[2], .cy_px = k[5]}, pose)});
  }
}

}  // namespace

Dataset load_re10k(const LoadOptions& options) {
  check_root(options.root);
  Dataset dataset{.name = "re10k"};
  const auto add = [&](const std::string& name, const std::function<void(Sequence&)>& fill) {
    dataset.sequences.push_back(
        read_sequence({.name = name, .category = "re10k", .trust = "published SfM"}, fill));
  };
  const std::string lists = options.root + "/" + options.split;
  for (const std::string& file : files_in(lists, {".txt"})) {
    const std::string name = file.substr(0, file.size() - 4);
    add(name, [&](Sequence& sequence) {
      read_text(lists + "/" + file, photos_folder(options, name) + "/images", sequence);
    });
  }
  if (dataset.sequences.empty()) {
    for (const std::string& name : folders_in(options.root)) {
      const std::string folder = options.root + "/" + name;
      if (!is_file(folder + "/annotations.json")) continue;
      add(name, [&](Sequence& sequence) { read_annotations(folder, options.root, sequence); });
    }
  }
  if (dataset.sequences.empty()) {
    throw ConfigError("root",
                      options.root + " holds neither " + options.split +
                          "/<hash>.txt nor <hash>/annotations.json; see "
                          "datasets/README.md");
  }
  return dataset;
}

}  // namespace vggt::datasets
