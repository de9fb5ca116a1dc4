// SPDX-License-Identifier: Apache-2.0
#include "src/io/colmap_check.h"

#include "src/base/error.h"

#include <unordered_map>

namespace vggt {
namespace {

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

// COLMAP's src/colmap/sensor/models.h
constexpr ColmapCameraModel kCameraModels[] = {{0, "SIMPLE_PINHOLE", 1, 3},
                                               {1, "PINHOLE", 2, 4},
                                               {2, "SIMPLE_RADIAL", 1, 4},
                                               {3, "RADIAL", 1, 5},
                                               {4, "OPENCV", 2, 8},
                                               {5, "OPENCV_FISHEYE", 2, 8},
                                               {6, "FULL_OPENCV", 2, 12},
                                               {7, "FOV", 2, 5},
                                               {8, "SIMPLE_RADIAL_FISHEYE", 1, 4},
                                               {9, "RADIAL_FISHEYE", 1, 5},
                                               {10, "THIN_PRISM_FISHEYE", 2, 12}};

}  // namespace

const ColmapCameraModel* colmap_camera_model(int32_t id) {
  for (const ColmapCameraModel& model : kCameraModels) {
    if (model.id == id) return &model;
  }
  return nullptr;
}

const ColmapCameraModel* colmap_camera_model(std::string_view name) {
  for (const ColmapCameraModel& model : kCameraModels) {
    if (model.name == name) return &model;
  }
  return nullptr;
}

std::string colmap_file(const std::string& folder,
                        const std::string& name,
                        const std::string& extension) {
  return folder + "/" + name + extension;
}

void check_references(const ColmapModel& model,
                      const std::string& folder,
                      const std::string& extension) {
  const std::string images_path = colmap_file(folder, "images", extension);
  const std::string points_path = colmap_file(folder, "points3D", extension);
  const auto cameras = by_id(model.cameras, colmap_file(folder, "cameras", extension));
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

}  // namespace vggt
