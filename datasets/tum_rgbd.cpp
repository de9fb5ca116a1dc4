// SPDX-License-Identifier: Apache-2.0
#include "datasets/tum_rgbd.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "datasets/loading.h"
#include "src/base/error.h"
#include "src/io/tum.h"

namespace vggt::datasets {
namespace {

constexpr double kLongestApart_s = 0.02;
constexpr double kDepthValuesPerMetre = 5000;

// The calibrated colour cameras; half a pixel from centres of pixels to their corners.
Camera camera_of(const std::string& name) {
  if (name.find("freiburg1") != std::string::npos) {
    return {640, 480, 517.3, 516.5, 318.6 + 0.5, 255.3 + 0.5};
  }
  if (name.find("freiburg2") != std::string::npos) {
    return {640, 480, 520.9, 521.0, 325.1 + 0.5, 249.7 + 0.5};
  }
  if (name.find("freiburg3") != std::string::npos) {
    return {640, 480, 535.4, 539.2, 320.1 + 0.5, 247.6 + 0.5};
  }
  return {640, 480, 525, 525, 319.5 + 0.5, 239.5 + 0.5};
}

struct Listed {
  std::vector<double> timestamp;
  std::vector<std::string> file;
};

// "timestamp filename", with comments.
Listed read_list(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw IoError(path, "cannot be opened");
  Listed list;
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line.front() == '#' || line == "\r") continue;
    std::istringstream fields(line);
    double timestamp = 0;
    std::string name;
    if (!(fields >> timestamp >> name)) {
      throw IoError(path, "line " + std::to_string(number) + " is no timestamp and file");
    }
    list.timestamp.push_back(timestamp);
    list.file.push_back(name);
  }
  return list;
}

Camera placed_at(const Camera& camera, const TumPose& pose) {
  return placed(camera, inverse(rigid_from_quaternion(pose.rotation_xyzw, pose.centre_in_world)));
}

void read_benchmark(const std::string& folder, Sequence& sequence) {
  const Listed photos = read_list(folder + "/rgb.txt");
  const std::vector<TumPose> poses = read_tum(folder + "/groundtruth.txt");
  std::vector<double> pose_times;
  for (const TumPose& pose : poses) pose_times.push_back(pose.timestamp);
  const auto pose_of = associate(photos.timestamp, pose_times, kLongestApart_s);
  Listed depth;
  if (is_file(folder + "/depth.txt")) depth = read_list(folder + "/depth.txt");
  const auto depth_of = associate(photos.timestamp, depth.timestamp, kLongestApart_s);
  for (size_t i = 0; i < photos.file.size(); ++i) {
    if (pose_of[i] < 0) continue;
    Frame frame{
        .image = folder + "/" + photos.file[i],
        .camera = placed_at(camera_of(sequence.name), poses[static_cast<size_t>(pose_of[i])])};
    if (depth_of[i] >= 0) {
      frame.depth = {.path = folder + "/" + depth.file[static_cast<size_t>(depth_of[i])],
                     .values_per_unit = kDepthValuesPerMetre};
    }
    sequence.frames.push_back(std::move(frame));
  }
}

// The frames and poses of the papers on dynamic scenes, which are in one order.
void read_prepared(const std::string& folder, Sequence& sequence) {
  const std::vector<std::string> photos = files_in(folder + "/rgb_90", {".png", ".jpg"});
  const std::vector<TumPose> poses = read_tum(folder + "/groundtruth_90.txt");
  if (photos.size() != poses.size()) {
    throw IoError(folder + "/groundtruth_90.txt",
                  "holds " + std::to_string(poses.size()) + " poses for " +
                      std::to_string(photos.size()) + " photos in rgb_90");
  }
  for (size_t i = 0; i < photos.size(); ++i) {
    sequence.frames.push_back({.image = folder + "/rgb_90/" + photos[i],
                               .camera = placed_at(camera_of(sequence.name), poses[i])});
  }
}

}  // namespace

std::vector<int64_t> associate(const std::vector<double>& times,
                               const std::vector<double>& others,
                               double longest_apart) {
  struct Pair {
    double apart;
    size_t time;
    size_t other;
  };
  std::vector<size_t> order(others.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return others[a] < others[b]; });
  std::vector<Pair> pairs;
  for (size_t i = 0; i < times.size(); ++i) {
    const auto first = std::lower_bound(
        order.begin(), order.end(), times[i] - longest_apart, [&](size_t other, double time) {
          return others[other] < time;
        });
    for (auto it = first; it != order.end() && others[*it] <= times[i] + longest_apart; ++it) {
      pairs.push_back({std::abs(others[*it] - times[i]), i, *it});
    }
  }
  std::stable_sort(
      pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.apart < b.apart; });
  std::vector<int64_t> result(times.size(), -1);
  std::vector<bool> used(others.size(), false);
  for (const Pair& pair : pairs) {
    if (result[pair.time] >= 0 || used[pair.other]) continue;
    result[pair.time] = static_cast<int64_t>(pair.other);
    used[pair.other] = true;
  }
  return result;
}

Dataset load_tum(const LoadOptions& options) {
  Dataset dataset{.name = "tum"};
  const bool prepared = options.split == "90";
  const auto is_sequence = [&](const std::string& folder) {
    return is_file(folder + (prepared ? "/groundtruth_90.txt" : "/rgb.txt"));
  };
  for (const std::string& folder :
       sequence_folders(options.root, "rgb.txt or groundtruth_90.txt", is_sequence)) {
    const std::string path = options.root + "/" + folder;
    dataset.sequences.push_back(read_sequence({.name = sequence_name(options.root, folder),
                                               .category = "tum",
                                               .trust = "ground truth",
                                               .units_per_metre = 1},
                                              [&](Sequence& sequence) {
                                                prepared ? read_prepared(path, sequence)
                                                         : read_benchmark(path, sequence);
                                              }));
  }
  return dataset;
}

}  // namespace vggt::datasets
