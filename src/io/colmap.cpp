// SPDX-License-Identifier: Apache-2.0
#include "src/io/colmap.h"

#include "src/base/error.h"
#include "src/io/binary_file.h"

#include <unordered_map>

namespace vggt {
namespace {

// COLMAP's number for its model PINHOLE (fx, fy, cx, cy).
constexpr int32_t kPinhole = 1;

// The least bytes of one record, to hold a file's counts against its size. A camera's parameters
// are not counted: another model may have fewer, and is to be named as what it is.
constexpr uint64_t kCameraBytes = 4 + 4 + 8 + 8;
constexpr uint64_t kImageBytes = 4 + 7 * 8 + 4 + 1 + 8;
constexpr uint64_t kObservationBytes = 8 + 8 + 8;
constexpr uint64_t kPointBytes = 8 + 3 * 8 + 3 + 8 + 8;
constexpr uint64_t kTrackElementBytes = 4 + 4;

// The longest path a file system takes; a longer name is a damaged file.
constexpr uint64_t kMaxNameBytes = 4096;

std::string file_in(const std::string& folder, const char* name) { return folder + "/" + name; }

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

std::vector<ColmapModel::Camera> read_cameras(const std::string& path) {
  BinaryReader file(path);
  std::vector<ColmapModel::Camera> cameras(file.count(kCameraBytes, "the number of cameras"));
  for (auto& camera : cameras) {
    camera.id = file.value<uint32_t>("camera id");
    const auto model = file.value<int32_t>("camera model");
    if (model != kPinhole) {
      throw IoError(path,
                    "camera " + std::to_string(camera.id) + " has model " + std::to_string(model) +
                        ", only PINHOLE (1) is read");
    }
    camera.width_px = file.value<uint64_t>("camera width");
    camera.height_px = file.value<uint64_t>("camera height");
    camera.fx_px = file.value<double>("camera parameters");
    camera.fy_px = file.value<double>("camera parameters");
    camera.cx_px = file.value<double>("camera parameters");
    camera.cy_px = file.value<double>("camera parameters");
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

template <typename Record>
std::unordered_map<uint64_t, const Record*> by_id(const std::vector<Record>& records,
                                                  const std::string& path) {
  std::unordered_map<uint64_t, const Record*> found;
  for (const Record& record : records) {
    if (!found.emplace(record.id, &record).second) {
      throw IoError(path, "id " + std::to_string(record.id) + " occurs twice");
    }
  }
  return found;
}

void check_references(const ColmapModel& model, const std::string& folder) {
  const std::string images_path = file_in(folder, "images.bin");
  const std::string points_path = file_in(folder, "points3D.bin");
  const auto cameras = by_id(model.cameras, file_in(folder, "cameras.bin"));
  const auto images = by_id(model.images, images_path);
  const auto points = by_id(model.points, points_path);
  for (const auto& image : model.images) {
    if (!cameras.contains(image.camera_id)) {
      throw IoError(images_path,
                    "image " + std::to_string(image.id) + " has camera " +
                        std::to_string(image.camera_id) + ", which is not there");
    }
    for (const auto& observation : image.observations) {
      if (observation.point_id != ColmapModel::kNoPoint && !points.contains(observation.point_id)) {
        throw IoError(images_path,
                      "image " + std::to_string(image.id) + " sees 3D point " +
                          std::to_string(observation.point_id) + ", which is not there");
      }
    }
  }
  for (const auto& point : model.points) {
    for (const auto& element : point.track) {
      const auto image = images.find(element.image_id);
      if (image == images.end() || element.observation >= image->second->observations.size()) {
        throw IoError(points_path,
                      "3D point " + std::to_string(point.id) + " is seen at 2D point " +
                          std::to_string(element.observation) + " of image " +
                          std::to_string(element.image_id) + ", which is not there");
      }
    }
  }
}

}  // namespace

void write_colmap(const std::string& folder, const ColmapModel& model) {
  write_cameras(file_in(folder, "cameras.bin"), model.cameras);
  write_images(file_in(folder, "images.bin"), model.images);
  write_points(file_in(folder, "points3D.bin"), model.points);
}

ColmapModel read_colmap(const std::string& folder) {
  ColmapModel model;
  model.cameras = read_cameras(file_in(folder, "cameras.bin"));
  model.images = read_images(file_in(folder, "images.bin"));
  model.points = read_points(file_in(folder, "points3D.bin"));
  check_references(model, folder);
  return model;
}

}  // namespace vggt
