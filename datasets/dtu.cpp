// SPDX-License-Identifier: Apache-2.0
#include "datasets/dtu.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

#include "datasets/loading.h"
#include "src/base/error.h"
#include "src/image/decode.h"

namespace vggt::datasets {
namespace {

constexpr double kUnitsPerMetre = 1000;

const std::set<int64_t> kTestScans = {1,  4,  9,  10, 11, 12, 13, 15, 23,  24,  29,
                                      32, 33, 34, 48, 49, 62, 75, 77, 110, 114, 118};

// "extrinsic", 4 x 4, "intrinsic", 3 x 3, and the range of depth, which is not read.
Camera read_cam_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw IoError(path, "cannot be opened");
  std::string word;
  double extrinsic[16];
  double k[9];
  bool good = file >> word && word == "extrinsic";
  for (double& value : extrinsic) good = good && file >> value;
  good = good && file >> word && word == "intrinsic";
  for (double& value : k) good = good && file >> value;
  const Rigid cam_from_world = good ? rigid_from(extrinsic) : Rigid{};
  if (!good || !is_pose(cam_from_world) || !(k[0] > 0 && k[4] > 0)) {
    throw IoError(path, "is no camera of MVSNet: extrinsic, 4 x 4, intrinsic, 3 x 3");
  }
  return placed({.fx_px = k[0], .fy_px = k[4], .cx_px = k[2], .cy_px = k[5]}, cam_from_world);
}

// Some sets of cameras are those of pictures four times smaller: the principal point tells.
void fit_to_picture(Camera& camera, int64_t width_px, int64_t height_px) {
  const double ratio = static_cast<double>(width_px) / (2 * camera.cx_px);
  const double factor = std::exp2(std::round(std::log2(ratio)));
  camera.width_px = width_px;
  camera.height_px = height_px;
  camera.fx_px *= factor;
  camera.fy_px *= factor;
  camera.cx_px *= factor;
  camera.cy_px *= factor;
}

DepthFile depth_of(const std::string& path, DepthFormat format) {
  return is_file(path) ? DepthFile{.path = path, .format = format, .nearest = 1e-4} : DepthFile{};
}

std::string numbered(const char* pattern, int64_t number) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, static_cast<long long>(number));
  return text;
}

// scanN/images, cams, depths
void read_own_cameras(const std::string& folder, Sequence& sequence) {
  for (const std::string& name : files_in(folder + "/images", {".jpg", ".png"})) {
    const std::string stem = name.substr(0, name.rfind('.'));
    sequence.frames.push_back(
        {.image = folder + "/images/" + name,
         .camera = read_cam_file(folder + "/cams/" + stem + "_cam.txt"),
         .depth = depth_of(folder + "/depths/" + stem + ".npy", DepthFormat::kNumpy)});
  }
}

// Rectified/scanN with the cameras of all scans in Cameras/
void read_common_cameras(const std::string& root, const std::string& scan, Sequence& sequence) {
  const std::string folder = root + "/Rectified/" + scan;
  for (int64_t i = 0;; ++i) {
    const std::string photo =
        folder + "/" + numbered("rect_%03lld_3_r5000.png", i + 1);  // evenly lit
    if (!is_file(photo)) break;
    sequence.frames.push_back(
        {.image = photo,
         .camera = read_cam_file(root + "/Cameras/" + numbered("%08lld_cam.txt", i)),
         .depth = depth_of(root + "/Depths/" + scan + "/" + numbered("depth_map_%04lld.pfm", i),
                           DepthFormat::kPfm)});
  }
}

}  // namespace

Dataset load_dtu(const LoadOptions& options) {
  check_root(options.root);
  Dataset dataset{.name = "dtu"};
  const bool common = is_folder(options.root + "/Rectified");
  for (const std::string& name : folders_in(options.root + (common ? "/Rectified" : ""))) {
    if (name.rfind("scan", 0) != 0) continue;
    if (options.split != "all" && kTestScans.count(std::atoll(name.c_str() + 4)) == 0) continue;
    dataset.sequences.push_back(read_sequence(
        {.name = name,
         .category = name,
         .trust = "ground truth",
         .units_per_metre = kUnitsPerMetre},
        [&](Sequence& sequence) {
          common ? read_common_cameras(options.root, name, sequence)
                 : read_own_cameras(options.root + "/" + name, sequence);
          if (sequence.frames.empty()) return;
          const DecodedImage first = decode_image(sequence.frames.front().image);
          for (Frame& frame : sequence.frames) {
            fit_to_picture(frame.camera, first.stored_width_px, first.stored_height_px);
          }
        }));
  }
  if (dataset.sequences.empty()) {
    throw ConfigError("root",
                      options.root +
                          " holds none of the scans asked for, neither scan1/ nor "
                          "Rectified/scan1/; see datasets/README.md");
  }
  return dataset;
}

}  // namespace vggt::datasets
