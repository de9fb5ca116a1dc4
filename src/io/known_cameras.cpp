// SPDX-License-Identifier: Apache-2.0
#include "src/io/known_cameras.h"

#include <cmath>
#include <filesystem>
#include <map>
#include <system_error>

#include "src/base/error.h"
#include "src/io/colmap.h"
#include "src/io/scene_folder.h"
#include "src/io/transforms.h"
#include "src/io/tum.h"

namespace vggt {
namespace {

struct NamedCamera {
  std::string name;
  Camera camera;
};

std::string last_part(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

bool is_json(const std::string& path) {
  return path.size() > 5 && path.compare(path.size() - 5, 5, ".json") == 0;
}

std::vector<NamedCamera> cameras_of_colmap(const std::string& folder, ColmapDistortion distortion) {
  const std::string place = find_colmap_model(folder);
  if (place.empty()) {
    throw IoError(folder, "holds no COLMAP model: images.bin or images.txt, in it or in sparse/0");
  }
  const ColmapModel model = read_colmap_model(place, distortion);
  std::map<uint32_t, ColmapModel::Camera> lenses;
  for (const auto& lens : model.cameras) lenses[lens.id] = lens;
  std::vector<NamedCamera> cameras;
  for (const auto& image : model.images) {
    const ColmapModel::Camera& lens = lenses.at(image.camera_id);  // the reader has checked
    const auto& q = image.rotation_wxyz;
    const Camera intrinsics{.width_px = static_cast<int64_t>(lens.width_px),
                            .height_px = static_cast<int64_t>(lens.height_px),
                            .fx_px = lens.fx_px,
                            .fy_px = lens.fy_px,
                            .cx_px = lens.cx_px,
                            .cy_px = lens.cy_px};
    cameras.push_back(
        {image.name,
         placed(intrinsics, rigid_from_quaternion({q[1], q[2], q[3], q[0]}, image.translation))});
  }
  return cameras;
}

std::vector<NamedCamera> cameras_of(const std::string& path, ColmapDistortion distortion) {
  if (!is_json(path)) return cameras_of_colmap(path, distortion);
  std::vector<NamedCamera> cameras;
  if (last_part(path) == "cameras.json") {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    for (const SceneFrame& frame : read_scene_cameras(folder.empty() ? "." : folder).frames) {
      cameras.push_back({frame.file, frame.camera});
    }
    return cameras;
  }
  for (const auto& frame : read_transforms(path).frames) {
    cameras.push_back({frame.file_path, camera_from_frame(frame)});
  }
  return cameras;
}

// The camera of each photo, by its whole name or else the last part of it.
std::vector<std::optional<Camera>> by_photo(const std::string& path,
                                            const std::vector<NamedCamera>& cameras,
                                            const std::vector<std::string>& names) {
  std::map<std::string, std::vector<const NamedCamera*>> of_name;
  for (const NamedCamera& camera : cameras) {
    of_name[camera.name].push_back(&camera);
    if (last_part(camera.name) != camera.name) of_name[last_part(camera.name)].push_back(&camera);
  }
  std::vector<std::optional<Camera>> found;
  bool any = false;
  for (const std::string& name : names) {
    auto entry = of_name.find(name);
    if (entry == of_name.end()) entry = of_name.find(last_part(name));
    if (entry == of_name.end()) {
      found.emplace_back();
      continue;
    }
    if (entry->second.size() > 1) {
      throw IoError(path,
                    "has " + std::to_string(entry->second.size()) + " cameras for the photo " +
                        name + ", as " + entry->second[0]->name + " and " + entry->second[1]->name);
    }
    any = true;
    found.emplace_back(entry->second.front()->camera);
  }
  if (!any) {
    throw IoError(path,
                  "has a camera for none of the photos: they are " +
                      (names.empty() ? "none" : "called " + names.front() + " and the like") +
                      ", there " +
                      (cameras.empty() ? "is none" : cameras.front().name + " and the like"));
  }
  return found;
}

KnownPoses poses_of_trajectory(const std::string& path, size_t photos) {
  KnownPoses poses(photos);
  bool any = false;
  for (const TumPose& pose : read_tum(path)) {
    const double number = pose.timestamp;
    if (number != std::floor(number) || number < 0) {
      throw IoError(path,
                    "has the timestamp " + std::to_string(number) +
                        ", where the photo's number is wanted: 0, 1, ...");
    }
    if (number >= static_cast<double>(photos)) continue;
    auto& known = poses[static_cast<size_t>(number)];
    if (known) {
      throw IoError(path,
                    "has two poses for photo " + std::to_string(static_cast<int64_t>(number)));
    }
    known = inverse(rigid_from_quaternion(pose.rotation_xyzw, pose.centre_in_world));
    any = true;
  }
  if (!any) {
    throw IoError(path, "has a pose for none of the " + std::to_string(photos) + " photos");
  }
  return poses;
}

}  // namespace

KnownPoses read_known_poses(const std::string& path, const std::vector<std::string>& names) {
  std::error_code error;
  if (!is_json(path) && !std::filesystem::is_directory(path, error)) {
    return poses_of_trajectory(path, names.size());
  }
  KnownPoses poses;
  for (const auto& camera : by_photo(path, cameras_of(path, ColmapDistortion::kIgnore), names)) {
    poses.push_back(camera ? std::optional(cam_from_world(*camera)) : std::nullopt);
  }
  return poses;
}

KnownLenses read_known_lenses(const std::string& path, const std::vector<std::string>& names) {
  std::error_code error;
  if (!is_json(path) && !std::filesystem::is_directory(path, error)) {
    throw IoError(path, "is neither a folder with a COLMAP model nor a .json with intrinsics");
  }
  return by_photo(path, cameras_of(path, ColmapDistortion::kRefuse), names);
}

}  // namespace vggt
