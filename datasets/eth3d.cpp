// SPDX-License-Identifier: Apache-2.0
#include "datasets/eth3d.h"

#include <ATen/ATen.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "datasets/colmap_scenes.h"
#include "datasets/loading.h"
#include "src/base/error.h"
#include "src/io/colmap.h"

namespace vggt::datasets {
namespace {

// A distorted photo's size and lens.
struct Distorted {
  int64_t width_px = 0;
  int64_t height_px = 0;
  FisheyeLens lens;
};

// Of the cameras of a model as text, by id.
std::map<uint32_t, Distorted> read_lenses(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw IoError(path, "cannot be opened");
  std::map<uint32_t, Distorted> lenses;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream fields(line);
    uint32_t id = 0;
    std::string model;
    Distorted camera;
    fields >> id >> model >> camera.width_px >> camera.height_px;
    for (double& parameter : camera.lens) fields >> parameter;
    if (!fields || model != "THIN_PRISM_FISHEYE") {
      throw IoError(path, "holds a camera that is no THIN_PRISM_FISHEYE: " + line.substr(0, 40));
    }
    lenses[id] = camera;
  }
  return lenses;
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The true depth of frames whose photos have the same names as those of the distorted model.
void add_depth(const std::string& folder, Sequence& sequence) {
  const std::string maps = folder + "/ground_truth_depth/dslr_images/";
  if (!is_folder(maps)) return;
  const std::string model = folder + "/dslr_calibration_jpg";
  const auto lenses = read_lenses(model + "/cameras.txt");
  std::map<std::string, Distorted> of_photo;
  for (const auto& image : read_colmap_text(model, ColmapDistortion::kIgnore).images) {
    of_photo[file_name(image.name)] = lenses.at(image.camera_id);  // the reader has checked
  }
  for (Frame& frame : sequence.frames) {
    const std::string name = file_name(frame.image);
    const auto photo = of_photo.find(name);
    if (photo == of_photo.end() || !is_file(maps + name)) continue;
    frame.depth = {
        .path = maps + name,
        .format = DepthFormat::kRaw,
        .width_px = photo->second.width_px,
        .height_px = photo->second.height_px,
        .then = [lens = photo->second.lens, camera = frame.camera](const at::Tensor& depth) {
          return undistorted_depth(depth, lens, camera);
        }};
  }
}

}  // namespace

std::array<double, 2> distorted_px(const FisheyeLens& lens, double x, double y) {
  const auto& [fx, fy, cx, cy, k1, k2, p1, p2, k3, k4, sx1, sy1] = lens;
  // The fisheye: the distance from the middle is the angle.
  const double radius = std::hypot(x, y);
  const double squeeze = radius > 0 ? std::atan(radius) / radius : 1;
  const double u = x * squeeze;
  const double v = y * squeeze;
  const double r2 = u * u + v * v;
  const double radial = r2 * (k1 + r2 * (k2 + r2 * (k3 + r2 * k4)));
  return {fx * (u + u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u) + sx1 * r2) + cx,
          fy * (v + v * radial + 2 * p2 * u * v + p1 * (r2 + 2 * v * v) + sy1 * r2) + cy};
}

at::Tensor undistorted_depth(const at::Tensor& depth,
                             const FisheyeLens& lens,
                             const Camera& camera) {
  const at::Tensor values = depth.to(at::kFloat).contiguous();
  const float* from = values.const_data_ptr<float>();
  at::Tensor result = at::zeros({camera.height_px, camera.width_px}, at::kFloat);
  float* to = result.mutable_data_ptr<float>();
  for (int64_t row = 0; row < camera.height_px; ++row) {
    for (int64_t column = 0; column < camera.width_px; ++column, ++to) {
      const double x = (static_cast<double>(column) + 0.5 - camera.cx_px) / camera.fx_px;
      const double y = (static_cast<double>(row) + 0.5 - camera.cy_px) / camera.fy_px;
      const auto [u, v] = distorted_px(lens, x, y);
      const double i = std::floor(u);
      const double j = std::floor(v);
      if (i >= 0 && j >= 0 && i < depth.size(1) && j < depth.size(0)) {
        *to = from[static_cast<int64_t>(j) * depth.size(1) + static_cast<int64_t>(i)];
      }
    }
  }
  return result;
}

Dataset load_eth3d(const LoadOptions& options) {
  constexpr const char* kModels[] = {"/dslr_calibration_undistorted",
                                     "/rig_calibration_undistorted"};
  Dataset dataset{.name = "eth3d"};
  const auto model_in = [&](const std::string& folder) {
    for (const char* model : kModels) {
      if (is_folder(folder + model)) return folder + model;
    }
    return std::string();
  };
  const auto is_scene = [&](const std::string& folder) { return !model_in(folder).empty(); };
  for (const std::string& folder :
       sequence_folders(options.root, "dslr_calibration_undistorted/", is_scene)) {
    const std::string name = sequence_name(options.root, folder);
    const std::string path = options.root + "/" + folder;
    dataset.sequences.push_back(read_sequence(
        {.name = name, .category = name, .trust = "ground truth", .units_per_metre = 1},
        [&](Sequence& sequence) {
          sequence.frames = colmap_frames(model_in(path), path + "/images");
          add_depth(path, sequence);
        }));
  }
  return dataset;
}

}  // namespace vggt::datasets
