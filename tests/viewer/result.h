// SPDX-License-Identifier: Apache-2.0
// A result whose truth is known, as 'vggt reconstruct' writes it: a wall at z = 4 with a picture on it that tells by its
// colour where on the wall it is, seen by cameras in a row.
#pragma once

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/io/binary_file.h"
#include "src/io/transforms.h"
#include "viewer/scene/cameras.h"
#include "viewer/scene/picture.h"

namespace vggt::viewer {

struct WallOptions {
  int photos = 4;
  int width = 60;  ///< of the network's input; photos are four times as large
  int height = 40;
  double scale = 1;        ///< of the whole world
  double depth_error = 0;  ///< added to every depth, scene units
  bool has_step = true;    ///< the left quarter of the wall stands nearer, at z = 3
  bool writes_photos = true;
};

constexpr int kPhotoScale = 4;

inline Rgb wall_colour(double x, double y) {
  const auto channel = [](double v) {
    return static_cast<uint8_t>(std::lround(std::clamp(v, 0.0, 255.0)));
  };
  return {channel(128 + 40 * x), channel(128 + 40 * y), 90};
}

inline Camera wall_camera(int k, const WallOptions& options) {
  Camera camera = look_at({0.3 * k - 0.4, 0.05 * k, 0},
                          {0.1 * k - 0.1, 0, 4},
                          -Eigen::Vector3d::UnitY(),
                          options.width,
                          options.height);
  for (double& t : camera.translation) t *= options.scale;
  return camera;
}

// Depth along the axis, and where the ray through (x, y) meets the wall.
inline double wall_depth(
    const Camera& camera, double x, double y, const WallOptions& options, Eigen::Vector3d* hit) {
  const Eigen::Vector3d centre = centre_of(camera);
  const Eigen::Vector3d ray = unproject(camera, x, y, 1) - centre;
  double depth = (4 * options.scale - centre.z()) / ray.z();
  if (options.has_step) {
    const double near = (3 * options.scale - centre.z()) / ray.z();
    if ((centre + near * ray).x() < -1 * options.scale) depth = near;
  }
  *hit = (centre + depth * ray) / options.scale;
  return depth;
}

inline void write_map(const std::string& path, const std::vector<float>& values, int w, int h) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(h) +
                       ", " + std::to_string(w) + "), }";
  header.resize(117, ' ');
  header += '\n';
  BinaryWriter file(path);
  file.bytes("\x93NUMPY\x01\x00", 8);
  file.value(static_cast<uint16_t>(header.size()));
  file.bytes(header.data(), header.size());
  file.bytes(values.data(), values.size() * sizeof(float));
  file.close();
}

inline std::string photo_name(int k) { return "p" + std::to_string(k) + ".png"; }

/// Writes the result into `folder` and its photos into `folder`/photos.
inline void write_wall(const std::string& folder, const WallOptions& options = {}) {
  namespace fs = std::filesystem;
  for (const char* below : {"depth", "confidence", "photos"}) {
    fs::create_directories(fs::path(folder) / below);
  }
  nlohmann::json report = {
      {"network_input", {{"width_px", options.width}, {"height_px", options.height}}},
      {"options", {{"drop_percent", 10.0}, {"edges", 0.0}}},
      {"photos", nlohmann::json::array()}};
  TransformsFile transforms;
  for (int k = 0; k < options.photos; ++k) {
    const Camera network = wall_camera(k, options);
    Camera stored = fitted(network, kPhotoScale * options.width, kPhotoScale * options.height);
    Eigen::Vector3d hit;
    std::vector<float> depth;
    std::vector<float> confidence;
    for (int y = 0; y < options.height; ++y) {
      for (int x = 0; x < options.width; ++x) {
        depth.push_back(static_cast<float>(wall_depth(network, x + 0.5, y + 0.5, options, &hit) +
                                           options.depth_error));
        confidence.push_back(static_cast<float>(1 + x));
      }
    }
    const std::string stem = "p" + std::to_string(k);
    write_map(folder + "/depth/" + stem + ".npy", depth, options.width, options.height);
    write_map(folder + "/confidence/" + stem + ".npy", confidence, options.width, options.height);
    if (options.writes_photos) {
      Picture photo{.width = static_cast<int>(stored.width_px),
                    .height = static_cast<int>(stored.height_px)};
      photo.rgb.resize(static_cast<size_t>(3 * photo.width * photo.height));
      for (int y = 0; y < photo.height; ++y) {
        for (int x = 0; x < photo.width; ++x) {
          wall_depth(stored, x + 0.5, y + 0.5, options, &hit);
          const Rgb colour = wall_colour(hit.x(), hit.y());
          std::copy(colour.begin(), colour.end(), photo.at(x, y));
        }
      }
      write_picture(folder + "/photos/" + photo_name(k), photo);
    }
    const auto camera_json = [](const Camera& camera) -> nlohmann::json {
      return {{"fx_px", camera.fx_px},
              {"fy_px", camera.fy_px},
              {"cx_px", camera.cx_px},
              {"cy_px", camera.cy_px},
              {"rotation_cam_from_world", camera.rotation},
              {"translation_cam_from_world", camera.translation}};
    };
    report["photos"].push_back(
        {{"name", photo_name(k)},
         {"file", stem},
         {"width_px", stored.width_px},
         {"height_px", stored.height_px},
         {"exif_orientation_applied", 1},
         {"network_from_upright",
          {{"scale", {1.0 / kPhotoScale, 1.0 / kPhotoScale}}, {"offset_px", {0.0, 0.0}}}},
         {"camera", camera_json(stored)},
         {"network_camera", camera_json(network)}});
    transforms.frames.push_back(frame_from_camera("photos/" + photo_name(k), stored));
  }
  std::ofstream(folder + "/report.json") << report.dump(1);
  write_transforms(folder + "/transforms.json", transforms);
}

}  // namespace vggt::viewer
