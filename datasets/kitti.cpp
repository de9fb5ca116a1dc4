// SPDX-License-Identifier: Apache-2.0
#include "datasets/kitti.h"

#include <array>
#include <fstream>
#include <map>
#include <sstream>

#include "datasets/loading.h"
#include "src/base/error.h"

namespace vggt::datasets {
namespace {

using Projection = std::array<double, 12>;  // row-major 3 x 4

// "P0: " and 12 numbers each; in some copies without the label, in their order.
std::map<std::string, Projection> read_calibration(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw IoError(path, "cannot be opened");
  std::map<std::string, Projection> projections;
  std::string line;
  while (std::getline(file, line)) {
    std::string label = "P" + std::to_string(projections.size()) + ":";
    if (const size_t colon = line.find(':'); colon != std::string::npos) {
      label = line.substr(0, colon + 1);
      line.erase(0, colon + 1);
    }
    std::istringstream fields(line);
    Projection projection;
    bool good = true;
    for (double& value : projection) good = good && fields >> value;
    if (good) projections[label] = projection;
  }
  return projections;
}

// The pose of the photos' camera in the grey one, and its intrinsics: P = K [I | t].
Camera calibrated(const Projection& p) {
  Camera camera{.fx_px = p[0], .fy_px = p[5], .cx_px = p[2] + 0.5, .cy_px = p[6] + 0.5};
  const double z = p[11];
  camera.translation = {(p[3] - p[2] * z) / p[0], (p[7] - p[6] * z) / p[5], z};
  return camera;
}

void read_frames(const std::string& root, const std::string& name, Sequence& sequence) {
  const std::string folder = root + "/sequences/" + name;
  const int64_t number = is_folder(folder + "/image_2") ? 2 : 0;
  const std::string images = folder + "/image_" + std::to_string(number);
  const auto projections = read_calibration(folder + "/calib.txt");
  const auto projection = projections.find("P" + std::to_string(number) + ":");
  if (projection == projections.end() || !(projection->second[0] > 0)) {
    throw IoError(folder + "/calib.txt", "holds no usable P" + std::to_string(number));
  }
  const Camera camera = calibrated(projection->second);
  const std::string pose_file = root + "/poses/" + name + ".txt";
  const std::vector<double> poses = read_numbers(pose_file, 12);
  const std::vector<std::string> photos = files_in(images, {".png", ".jpg"});
  if (photos.size() != poses.size() / 12) {
    throw IoError(pose_file,
                  "holds " + std::to_string(poses.size() / 12) + " poses for " +
                      std::to_string(photos.size()) + " photos in " + images);
  }
  for (size_t i = 0; i < photos.size(); ++i) {
    const Rigid world_from_grey = rigid_from(&poses[12 * i]);
    if (!is_pose(world_from_grey)) {
      throw IoError(pose_file, "line " + std::to_string(i + 1) + " holds no pose");
    }
    sequence.frames.push_back(
        {.image = images + "/" + photos[i],
         .camera = placed(camera, cam_from_world(camera) * inverse(world_from_grey))});
  }
}

}  // namespace

Dataset load_kitti(const LoadOptions& options) {
  check_root(options.root);
  Dataset dataset{.name = "kitti"};
  for (const std::string& file : files_in(options.root + "/poses", {".txt"})) {
    const std::string name = file.substr(0, file.size() - 4);
    // Poses of all sequences come in one small archive, photos in large ones that one may not want.
    if (!is_folder(options.root + "/sequences/" + name)) {
      dataset.problems.push_back("sequences/" + name + " is not there");
      continue;
    }
    dataset.sequences.push_back(read_sequence(
        {.name = name, .category = "kitti", .trust = "ground truth", .units_per_metre = 1},
        [&](Sequence& sequence) { read_frames(options.root, name, sequence); }));
  }
  if (dataset.sequences.empty()) {
    throw ConfigError("root",
                      options.root +
                          " holds no poses/00.txt with sequences/00/; see "
                          "datasets/README.md");
  }
  return dataset;
}

}  // namespace vggt::datasets
