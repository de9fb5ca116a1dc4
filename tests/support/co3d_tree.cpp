// SPDX-License-Identifier: Apache-2.0
#include "tests/support/co3d_tree.h"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace vggt::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string image_path(const std::string& category, const std::string& name, size_t number) {
  char file[32];
  std::snprintf(file, sizeof(file), "frame%06zu.jpg", number + 1);
  return category + "/" + name + "/images/" + file;
}

// R row-major for row vectors and T, x left and y up: the inverse of the specification's 3.4.
json viewpoint_of(const Camera& camera) {
  const double sign[] = {-1, -1, 1};
  json r = json::array();
  for (int row = 0; row < 3; ++row) {
    json values = json::array();
    for (int column = 0; column < 3; ++column) {
      values.push_back(sign[column] * camera.rotation[3 * column + row]);
    }
    r.push_back(values);
  }
  const double half = static_cast<double>(std::min(camera.width_px, camera.height_px)) / 2;
  return {{"R", r},
          {"T",
           {sign[0] * camera.translation[0],
            sign[1] * camera.translation[1],
            sign[2] * camera.translation[2]}},
          {"focal_length", {camera.fx_px / half, camera.fy_px / half}},
          {"principal_point",
           {(static_cast<double>(camera.width_px) / 2 - camera.cx_px) / half,
            (static_cast<double>(camera.height_px) / 2 - camera.cy_px) / half}},
          {"intrinsics_format", "ndc_isotropic"}};
}

}  // namespace

void write_gzip(const std::string& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  if (!file || gzwrite(file, text.data(), static_cast<unsigned>(text.size())) !=
                   static_cast<int>(text.size())) {
    throw std::runtime_error("cannot write " + path);
  }
  if (gzclose(file) != Z_OK) throw std::runtime_error("cannot write " + path);
}

void Co3dTree::add_sequence(const std::string& category,
                            const std::string& name,
                            const std::vector<Frame>& frames,
                            std::optional<double> quality) {
  sequences_.push_back({category, name, frames, quality});
}

void Co3dTree::write() const {
  std::map<std::string, json> frames;
  std::map<std::string, json> sequences;
  std::map<std::string, json> lists;
  for (const Sequence& sequence : sequences_) {
    json& of_category = frames.try_emplace(sequence.category, json::array()).first->second;
    json& list =
        lists
            .try_emplace(
                sequence.category,
                json{{"train", json::array()}, {"val", json::array()}, {"test", json::array()}})
            .first->second;
    sequences.try_emplace(sequence.category, json::array())
        .first->second.push_back({{"sequence_name", sequence.name},
                                  {"category", sequence.category},
                                  {"viewpoint_quality_score",
                                   sequence.quality ? json(*sequence.quality) : json(nullptr)}});
    fs::create_directories(root_ + "/" + sequence.category + "/set_lists");
    fs::create_directories(root_ + "/" + sequence.category + "/" + sequence.name + "/images");
    for (size_t i = 0; i < sequence.frames.size(); ++i) {
      const Frame& frame = sequence.frames[i];
      const std::string path = image_path(sequence.category, sequence.name, i);
      // Not the number in the file's name: a loader must not take one for the other.
      const size_t frame_number = 3 * i + 7;
      list[frame.in_test ? "test" : "train"].push_back({sequence.name, frame_number, path});
      if (!frame.picture.empty()) {
        fs::copy_file(frame.picture, root_ + "/" + path, fs::copy_options::overwrite_existing);
      }
      if (!frame.annotated) continue;
      json entry = {
          {"sequence_name", sequence.name},
          {"frame_number", frame_number},
          {"frame_timestamp", 0.1 * static_cast<double>(i)},
          {"image", {{"path", path}, {"size", {frame.camera.height_px, frame.camera.width_px}}}},
          {"depth", nullptr},
          {"mask", nullptr},
          {"meta", json::object()}};
      if (frame.with_viewpoint) entry["viewpoint"] = viewpoint_of(frame.camera);
      of_category.push_back(entry);
    }
  }
  for (const auto& [category, entries] : frames) {
    const std::string folder = root_ + "/" + category;
    write_gzip(folder + "/frame_annotations.jgz", entries.dump());
    write_gzip(folder + "/sequence_annotations.jgz", sequences.at(category).dump());
    std::ofstream(folder + "/set_lists/set_lists_fewview_dev.json") << lists.at(category).dump();
  }
}

}  // namespace vggt::testing
