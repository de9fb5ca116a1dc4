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

}  // namespace

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
