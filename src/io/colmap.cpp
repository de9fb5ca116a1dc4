// SPDX-License-Identifier: Apache-2.0
#include "src/io/colmap.h"

#include <filesystem>
#include <system_error>

#include "src/base/error.h"
#include "src/io/binary_file.h"
#include "src/io/colmap_check.h"

namespace vggt {
namespace {

constexpr int32_t kPinhole = 1;  // COLMAP's number of the model (fx, fy, cx, cy)
constexpr const char* kExtension = ".bin";

// The least bytes of one record, to hold a file's counts against its size. A camera's parameters
// are not counted: another model may have fewer, and is to be named as what it is.
constexpr uint64_t kCameraBytes = 4 + 4 + 8 + 8;
constexpr uint64_t kImageBytes = 4 + 7 * 8 + 4 + 1 + 8;
constexpr uint64_t kObservationBytes = 8 + 8 + 8;
constexpr uint64_t kPointBytes = 8 + 3 * 8 + 3 + 8 + 8;
constexpr uint64_t kTrackElementBytes = 4 + 4;

// The longest path a file system takes; a longer name is a damaged file.
constexpr uint64_t kMaxNameBytes = 4096;

void write_cameras(const std::string& path, const std::vector<ColmapModel::Camera>& cameras) {
  BinaryWriter file(path);
  file.value<uint64_t>(cameras.size());
  for (const auto& camera : cameras) {
    file.value(camera.id);
    file.value(kPinhole);
    file.value(camera.width_px);
    file.value(camera.height_px);
    file.value(camera.fx_px);
    file.value(camera.fy_px);
    file.value(camera.cx_px);
    file.value(camera.cy_px);
  }
  file.close();
}

void write_images(const std::string& path, const std::vector<ColmapModel::Image>& images) {
  BinaryWriter file(path);
  file.value<uint64_t>(images.size());
  for (const auto& image : images) {
    file.value(image.id);
    for (const double component : image.rotation_wxyz) file.value(component);
    for (const double component : image.translation) file.value(component);
    file.value(image.camera_id);
    file.bytes(image.name.c_str(), image.name.size() + 1);
    file.value<uint64_t>(image.observations.size());
    for (const auto& observation : image.observations) {
      file.value(observation.x_px);
      file.value(observation.y_px);
      file.value(observation.point_id);
    }
  }
  file.close();
}

void write_points(const std::string& path, const std::vector<ColmapModel::Point>& points) {
  BinaryWriter file(path);
  file.value<uint64_t>(points.size());
  for (const auto& point : points) {
    file.value(point.id);
    for (const double coordinate : point.position) file.value(coordinate);
    for (const uint8_t channel : point.rgb) file.value(channel);
    file.value(point.error_px);
    file.value<uint64_t>(point.track.size());
    for (const auto& element : point.track) {
      file.value(element.image_id);
      file.value(element.observation);
    }
  }
  file.close();
}

std::vector<ColmapModel::Camera> read_cameras(const std::string& path,
                                              ColmapDistortion distortion) {
  BinaryReader file(path);
  std::vector<ColmapModel::Camera> cameras(file.count(kCameraBytes, "the number of cameras"));
  for (auto& camera : cameras) {
    camera.id = file.value<uint32_t>("camera id");
    const auto number = file.value<int32_t>("camera model");
    const ColmapCameraModel* const model = colmap_camera_model(number);
    if (!model || (model->has_distortion() && distortion == ColmapDistortion::kRefuse)) {
      throw IoError(path,
                    "camera " + std::to_string(camera.id) + " has model " + std::to_string(number) +
                        ", only PINHOLE (1) and SIMPLE_PINHOLE (0) are read; COLMAP's " +
                        "image_undistorter makes the first of any other");
    }
    camera.width_px = file.value<uint64_t>("camera width");
    camera.height_px = file.value<uint64_t>("camera height");
    camera.fx_px = file.value<double>("camera parameters");
    camera.fy_px =
        model->focal_lengths == 1 ? camera.fx_px : file.value<double>("camera parameters");
    camera.cx_px = file.value<double>("camera parameters");
    camera.cy_px = file.value<double>("camera parameters");
    for (int i = model->focal_lengths + 2; i < model->parameters; ++i) {
      file.value<double>("camera parameters");
    }
  }
  file.expect_end();
  return cameras;
}

std::vector<ColmapModel::Image> read_images(const std::string& path) {
  BinaryReader file(path);
  std::vector<ColmapModel::Image> images(file.count(kImageBytes, "the number of images"));
  for (auto& image : images) {
    image.id = file.value<uint32_t>("image id");
    for (double& component : image.rotation_wxyz) component = file.value<double>("image rotation");
    for (double& component : image.translation) component = file.value<double>("image translation");
    image.camera_id = file.value<uint32_t>("image camera id");
    image.name = file.text_until('\0', kMaxNameBytes, "image name");
    image.observations.resize(file.count(kObservationBytes, "the number of 2D points"));
    for (auto& observation : image.observations) {
      observation.x_px = file.value<double>("2D point");
      observation.y_px = file.value<double>("2D point");
      observation.point_id = file.value<uint64_t>("2D point");
    }
  }
  file.expect_end();
  return images;
}

std::vector<ColmapModel::Point> read_points(const std::string& path) {
  BinaryReader file(path);
  std::vector<ColmapModel::Point> points(file.count(kPointBytes, "the number of 3D points"));
  for (auto& point : points) {
    point.id = file.value<uint64_t>("3D point id");
    for (double& coordinate : point.position) coordinate = file.value<double>("3D point position");
    for (uint8_t& channel : point.rgb) channel = file.value<uint8_t>("3D point colour");
    point.error_px = file.value<double>("3D point error");
    point.track.resize(file.count(kTrackElementBytes, "track length"));
    for (auto& element : point.track) {
      element.image_id = file.value<uint32_t>("track");
      element.observation = file.value<uint32_t>("track");
    }
  }
  file.expect_end();
  return points;
}

}  // namespace

void write_colmap(const std::string& folder, const ColmapModel& model) {
  write_cameras(colmap_file(folder, "cameras", kExtension), model.cameras);
  write_images(colmap_file(folder, "images", kExtension), model.images);
  write_points(colmap_file(folder, "points3D", kExtension), model.points);
}

ColmapModel read_colmap(const std::string& folder, ColmapDistortion distortion) {
  ColmapModel model;
  model.cameras = read_cameras(colmap_file(folder, "cameras", kExtension), distortion);
  model.images = read_images(colmap_file(folder, "images", kExtension));
  model.points = read_points(colmap_file(folder, "points3D", kExtension));
  check_references(model, folder, kExtension);
  return model;
}

namespace {

bool has_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

}  // namespace

std::string find_colmap_model(const std::string& folder) {
  for (const char* place : {"/sparse/0", "/sparse", ""}) {
    const std::string model = folder + place;
    if (has_file(model + "/images.bin") || has_file(model + "/images.txt")) return model;
  }
  return "";
}

ColmapModel read_colmap_model(const std::string& folder, ColmapDistortion distortion) {
  return has_file(folder + "/images.bin") ? read_colmap(folder, distortion)
                                          : read_colmap_text(folder, distortion);
}

}  // namespace vggt
