// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/load_models.h"

#include "src/base/error.h"
#include "src/io/colmap.h"
#include "src/io/transforms.h"
#include "viewer/scene/cameras.h"
#include "viewer/scene/ply_file.h"

#include <Eigen/Geometry>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <unordered_map>

namespace vggt::viewer {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::string file_name(const std::string& path) { return fs::path(path).filename().string(); }

// COLMAP does not say where its photos are: people keep them beside the model or above it.
std::string find_photo(const fs::path& model, const std::string& name) {
  fs::path folder = fs::absolute(model).lexically_normal();
  for (int up = 0; up < 4; ++up) {
    for (const char* below : {"", "images", "photos"}) {
      const fs::path path = folder / below / name;
      if (is_file(path)) return path.string();
    }
    folder = folder.parent_path();
  }
  return {};
}

Camera camera_of(const ColmapModel::Camera& of, const ColmapModel::Image& image) {
  Camera camera{.width_px = static_cast<int64_t>(of.width_px),
                .height_px = static_cast<int64_t>(of.height_px),
                .fx_px = of.fx_px,
                .fy_px = of.fy_px,
                .cx_px = of.cx_px,
                .cy_px = of.cy_px};
  const auto& q = image.rotation_wxyz;
  const Eigen::Matrix<double, 3, 3, Eigen::RowMajor> rotation =
      Eigen::Quaterniond(q[0], q[1], q[2], q[3]).normalized().toRotationMatrix();
  std::copy_n(rotation.data(), 9, camera.rotation.begin());
  camera.translation = image.translation;
  return camera;
}

void warn_of_missing_photos(Scene& scene) {
  size_t missing = 0;
  const std::string* first = nullptr;
  for (const Photo& photo : scene.photos) {
    if (is_file(photo.photo_path)) continue;
    if (!first) first = &photo.name;
    ++missing;
  }
  if (missing > 0) {
    scene.warnings.push_back(std::to_string(missing) + " photos were not found, the first is '" +
                             *first + "'");
  }
}

}  // namespace

Scene load_ply(const std::string& path) {
  Scene scene{.path = path, .kind = SceneKind::kPly};
  scene.points = read_ply_points(path);
  if (scene.points.size() == 0) scene.warnings.push_back("the file holds no points");
  return scene;
}

std::string colmap_folder(const std::string& path) {
  for (const char* below : {"", "sparse/0", "sparse"}) {
    const fs::path folder = fs::path(path) / below;
    if (is_file(folder / "cameras.bin") || is_file(folder / "cameras.txt")) return folder.string();
  }
  return {};
}

Scene load_colmap(const std::string& path, const std::string& folder) {
  const bool binary = is_file(fs::path(folder) / "cameras.bin");
  ColmapModel model = binary ? read_colmap(folder, ColmapDistortion::kIgnore)
                             : read_colmap_text(folder, ColmapDistortion::kIgnore);
  Scene scene{.path = path, .kind = SceneKind::kColmap};
  std::unordered_map<uint32_t, const ColmapModel::Camera*> cameras;
  for (const auto& camera : model.cameras) cameras[camera.id] = &camera;
  // As the photos were taken: COLMAP numbers them in the order it finished them.
  std::sort(model.images.begin(), model.images.end(), [](const auto& a, const auto& b) {
    return a.name < b.name;
  });
  std::unordered_map<uint64_t, Vec3f> positions;
  for (const auto& point : model.points) {
    const Vec3f position = {static_cast<float>(point.position[0]),
                            static_cast<float>(point.position[1]),
                            static_cast<float>(point.position[2])};
    positions[point.id] = position;
    if (!std::all_of(position.begin(), position.end(), [](float x) { return std::isfinite(x); })) {
      continue;
    }
    scene.points.position.push_back(position);
    scene.points.colour.push_back(point.rgb);
    scene.points.error.push_back(static_cast<float>(point.error_px));
  }
  for (const auto& image : model.images) {
    Photo photo{.name = image.name, .camera = camera_of(*cameras.at(image.camera_id), image)};
    photo.photo_path = find_photo(folder, image.name);
    for (const auto& seen : image.observations) {
      const auto found = positions.find(seen.point_id);
      if (found != positions.end()) {
        photo.observations.push_back({seen.x_px, seen.y_px, found->second});
      }
    }
    scene.photos.push_back(std::move(photo));
  }
  warn_of_missing_photos(scene);
  return scene;
}

Scene load_transforms(const std::string& path, const std::string& file) {
  const TransformsFile transforms = read_transforms(file);
  Scene scene{.path = path, .kind = SceneKind::kTransforms};
  const fs::path root = fs::path(file).parent_path();
  for (const auto& frame : transforms.frames) {
    Photo photo{.name = file_name(frame.file_path), .camera = camera_from_frame(frame)};
    photo.photo_path = (root / frame.file_path).lexically_normal().string();
    scene.photos.push_back(std::move(photo));
  }
  warn_of_missing_photos(scene);
  if (transforms.ply_file_path.empty()) {
    scene.warnings.push_back("transforms.json names no points (ply_file_path)");
    return scene;
  }
  try {
    scene.points = read_ply_points((root / transforms.ply_file_path).string());
  } catch (const IoError& error) {
    scene.warnings.push_back(error.what());
  }
  return scene;
}

}  // namespace vggt::viewer
