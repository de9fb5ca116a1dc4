// SPDX-License-Identifier: Apache-2.0
#include "datasets/co3d.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "datasets/gzip_json.h"
#include "datasets/loading.h"
#include "src/base/error.h"

namespace vggt::datasets {
namespace {

using nlohmann::json;

// A frame as its annotation has it, or why it is of no use.
struct Annotated {
  Frame frame;
  bool far_away = false;  // the protocol leaves sequences with such a frame out
  std::string problem;
};

template <size_t N>
std::array<double, N> numbers(const json& values) {
  if (values.size() != N) throw IoError("viewpoint", "has a list of another length");
  return values.get<std::array<double, N>>();
}

std::array<double, 9> matrix(const json& rows) {
  std::array<double, 9> result;
  for (size_t row = 0; row < 3; ++row) {
    const auto values = numbers<3>(rows.at(row));
    std::copy(values.begin(), values.end(), result.begin() + static_cast<int64_t>(3 * row));
  }
  return result;
}

void set_intrinsics(Camera& camera, const json& viewpoint, const json& size) {
  const auto focal = numbers<2>(viewpoint.at("focal_length"));
  const auto principal = numbers<2>(viewpoint.at("principal_point"));
  camera.height_px = size.at(0).get<int64_t>();
  camera.width_px = size.at(1).get<int64_t>();
  const double half_width = static_cast<double>(camera.width_px) / 2;
  const double half_height = static_cast<double>(camera.height_px) / 2;
  // The first version's coordinates end at 1 on each side of the picture, the second's on the
  // shorter one's.
  const bool isotropic = viewpoint.value("intrinsics_format", "ndc_isotropic") == "ndc_isotropic";
  const double unit_x = isotropic ? std::min(half_width, half_height) : half_width;
  const double unit_y = isotropic ? std::min(half_width, half_height) : half_height;
  camera.fx_px = focal[0] * unit_x;
  camera.fy_px = focal[1] * unit_y;
  camera.cx_px = half_width - principal[0] * unit_x;
  camera.cy_px = half_height - principal[1] * unit_y;
}

// R and T of a raw annotation's viewpoint, or of an entry of the intermediate file; the latter may
// have an OpenCV matrix instead.
void set_pose(Annotated& result, const json& pose) {
  constexpr double kFarAway = 1e5;
  Rigid cam_from_world;
  if (pose.contains("extri")) {
    std::array<double, 12> rows;
    for (size_t row = 0; row < 3; ++row) {
      const auto values = numbers<4>(pose.at("extri").at(row));
      std::copy(values.begin(), values.end(), rows.begin() + static_cast<int64_t>(4 * row));
    }
    cam_from_world = rigid_from(rows.data());
  } else {
    const auto translation = numbers<3>(pose.at("T"));
    result.far_away = translation[0] + translation[1] + translation[2] > kFarAway;
    cam_from_world = from_pytorch3d(matrix(pose.at("R")), translation);
  }
  if (!is_pose(cam_from_world)) throw IoError("viewpoint", "is no rotation and translation");
  result.frame.camera = placed(result.frame.camera, cam_from_world);
}

Annotated annotated(const std::string& root, const json& entry) {
  Annotated result;
  try {
    const json& viewpoint = entry.at("viewpoint");
    result.frame.image = root + "/" + entry.at("image").at("path").get<std::string>();
    set_pose(result, viewpoint);
    set_intrinsics(result.frame.camera, viewpoint, entry.at("image").at("size"));
    const json depth = entry.value("depth", json());
    if (depth.is_object() && depth.contains("path") && depth["path"].is_string()) {
      result.frame.depth = {.path = root + "/" + depth["path"].get<std::string>(),
                            .format = DepthFormat::kHalfPng,
                            .values_per_unit = 1 / depth.value("scale_adjustment", 1.0)};
      if (depth.contains("mask_path") && depth["mask_path"].is_string()) {
        constexpr int64_t kWhole = 0;
        result.frame.depth.then =
            [mask = root + "/" + depth["mask_path"].get<std::string>()](const at::Tensor& map) {
              return masked_depth(map, mask, kWhole);
            };
      }
    }
  } catch (const std::exception& error) {
    result.problem = error.what();
  }
  return result;
}

// Adds a frame to its sequence, and what is wrong with it.
void add(Sequence& sequence, const Annotated& frame, const std::string& which) {
  sequence.frames.push_back(frame.frame);
  if (frame.far_away) {
    sequence.left_out_by_protocol = true;
    sequence.problem = which + " is more than 1e5 away, so the protocol leaves the sequence out";
  }
  if (!frame.problem.empty() && sequence.problem.empty()) {
    sequence.problem = "the annotation of " + which + " is not usable: " + frame.problem;
  }
}

Sequence new_sequence(const std::string& category, const std::string& name) {
  return {.name = category + "/" + name, .category = category, .trust = "published SfM"};
}

// The sequences of an intermediate file, by name.
std::map<std::string, Sequence> read_intermediate(const std::string& root,
                                                  const std::string& category,
                                                  const std::string& path) {
  std::map<std::string, Sequence> sequences;
  for_each_element_by_key(path, [&](const std::string& name, const json& entry) {
    Sequence& sequence = sequences.try_emplace(name, new_sequence(category, name)).first->second;
    Annotated frame;
    try {
      frame.frame.image = root + "/" + entry.at("filepath").get<std::string>();
      set_pose(frame, entry);
    } catch (const std::exception& error) {
      frame.problem = error.what();
    }
    add(sequence, frame, "frame " + std::to_string(sequence.frames.size()));
  });
  return sequences;
}

std::set<std::string> good_sequences(const std::string& path) {
  constexpr double kLeastQuality = 0.5;
  std::set<std::string> good;
  for_each_element(path, [&](const json& entry) {
    const json score = entry.is_object() ? entry.value("viewpoint_quality_score", json()) : json();
    if (score.is_number() && score.get<double>() > kLeastQuality) {
      good.insert(entry.at("sequence_name").get<std::string>());
    }
  });
  return good;
}

// Places in their sequence of the frames that a set list names.
using Listed = std::map<std::string, std::map<int64_t, size_t>>;

Listed read_set_list(const std::string& path,
                     const std::string& split,
                     const std::set<std::string>& good) {
  Listed listed;
  std::map<std::string, size_t> count;
  bool has_split = false;
  for_each_element_by_key(path, [&](const std::string& list, const json& item) {
    if (list != split) return;
    has_split = true;
    const auto name = item.at(0).get<std::string>();
    if (good.count(name) > 0) {
      listed[name].emplace(item.at(1).get<int64_t>(), count[name]++);
    }
  });
  if (!has_split) throw IoError(path, "lists no frames under \"" + split + "\"");
  return listed;
}

std::map<std::string, Sequence> read_raw(const std::string& root,
                                         const std::string& category,
                                         const std::string& split) {
  const std::string folder = root + "/" + category;
  const Listed listed = read_set_list(folder + "/set_lists/set_lists_fewview_dev.json",
                                      split,
                                      good_sequences(folder + "/sequence_annotations.jgz"));
  std::map<std::string, std::vector<Annotated>> frames;
  for (const auto& [name, places] : listed) {
    frames[name].assign(places.size(), {.problem = "it is missing"});
  }
  for_each_element(folder + "/frame_annotations.jgz", [&](const json& entry) {
    if (!entry.is_object() || !entry.contains("sequence_name") || !entry.contains("frame_number")) {
      return;
    }
    const auto sequence = listed.find(entry["sequence_name"].get<std::string>());
    if (sequence == listed.end()) return;
    const auto place = sequence->second.find(entry["frame_number"].get<int64_t>());
    if (place == sequence->second.end()) return;
    frames[sequence->first][place->second] = annotated(root, entry);
  });
  std::map<std::string, Sequence> sequences;
  for (const auto& [name, places] : listed) {
    Sequence sequence = new_sequence(category, name);
    std::map<size_t, int64_t> number_of;
    for (const auto& [number, place] : places) number_of[place] = number;
    for (size_t i = 0; i < frames[name].size(); ++i) {
      add(sequence, frames[name][i], "frame_number " + std::to_string(number_of[i]));
    }
    sequences.emplace(name, std::move(sequence));
  }
  return sequences;
}

}  // namespace

const std::vector<std::string>& co3d_categories() {
  static const std::vector<std::string> categories = {
      "apple",     "backpack",  "banana",       "baseballbat", "baseballglove", "bench",
      "bicycle",   "bottle",    "bowl",         "broccoli",    "cake",          "car",
      "carrot",    "cellphone", "chair",        "cup",         "donut",         "hairdryer",
      "handbag",   "hydrant",   "keyboard",     "laptop",      "microwave",     "motorcycle",
      "mouse",     "orange",    "parkingmeter", "pizza",       "plant",         "stopsign",
      "teddybear", "toaster",   "toilet",       "toybus",      "toyplane",      "toytrain",
      "toytruck",  "tv",        "umbrella",     "vase",        "wineglass"};
  return categories;
}

Rigid from_pytorch3d(const std::array<double, 9>& rotation,
                     const std::array<double, 3>& translation) {
  constexpr double kSign[] = {-1, -1, 1};
  Rigid cam_from_world;
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 0; column < 3; ++column) {
      cam_from_world.rotation[3 * row + column] = kSign[row] * rotation[3 * column + row];
    }
    cam_from_world.translation[row] = kSign[row] * translation[row];
  }
  return cam_from_world;
}

Dataset load_co3d(const LoadOptions& options) {
  check_root(options.root);
  Dataset dataset{.name = "co3d"};
  std::vector<std::string> missing;
  for (const std::string& category : co3d_categories()) {
    const std::string intermediate = options.root + "/" + category + "_" + options.split + ".jgz";
    try {
      std::map<std::string, Sequence> sequences;
      if (is_file(intermediate)) {
        sequences = read_intermediate(options.root, category, intermediate);
      } else if (is_folder(options.root + "/" + category)) {
        sequences = read_raw(options.root, category, options.split);
      } else {
        missing.push_back(category);
      }
      for (auto& [name, sequence] : sequences) dataset.sequences.push_back(std::move(sequence));
    } catch (const IoError& error) {
      dataset.problems.push_back("category " + category + ": " + error.what());
    } catch (const json::exception& error) {
      dataset.problems.push_back("category " + category + ": " + error.what());
    }
  }
  if (missing.size() == co3d_categories().size()) {
    throw ConfigError("root",
                      options.root +
                          " holds none of CO3D's categories, neither apple/ nor "
                          "apple_" +
                          options.split + ".jgz; see datasets/README.md");
  }
  if (!missing.empty()) {
    std::string names;
    for (const std::string& category : missing) names += " " + category;
    dataset.problems.push_back(
        std::to_string(missing.size()) + " of " + std::to_string(co3d_categories().size()) +
        " categories are not there, so the mean is over the others:" + names);
  }
  return dataset;
}

}  // namespace vggt::datasets
