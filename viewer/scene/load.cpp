// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/load.h"

#include "src/base/error.h"
#include "src/io/colmap.h"
#include "src/io/json_file.h"
#include "src/io/transforms.h"
#include "viewer/scene/cameras.h"
#include "viewer/scene/load_models.h"
#include "viewer/scene/picture.h"
#include "viewer/scene/ply_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace vggt::viewer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr double kLargestPicture = 1e5;  // pixels wide or high

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// How often a stored photo is turned clockwise until it is upright, mirrors left out, as 'vggt
// reconstruct' does it.
int quarter_turns(int exif_orientation) {
  static constexpr int turns[] = {0, 0, 0, 2, 2, 1, 1, 3, 3};
  return turns[exif_orientation];
}

struct ReportPhoto {
  Photo photo;
  std::string file;
};

// Sizes are the network input's.
ReportPhoto photo_from_report(const JsonFields& fields, const fs::path& root, Camera network) {
  ReportPhoto out;
  Photo& photo = out.photo;
  photo.name = fields.text("name");
  out.file = fields.text("file");
  const fs::path relative = fs::path(out.file).lexically_normal();
  if (relative.empty() || relative.is_absolute() || *relative.begin() == "..") {
    fields.fail("file", "lies outside the result");
  }
  const auto orientation = static_cast<int>(fields.number("exif_orientation_applied"));
  if (orientation < 1 || orientation > 8) fields.fail("exif_orientation_applied", "must be 1 to 8");
  photo.quarter_turns = quarter_turns(orientation);
  const JsonFields way((root / "report.json").string(),
                       "network_from_upright of '" + photo.name + "'",
                       fields.member("network_from_upright"));
  double scale[2];
  double offset[2];
  way.vector("scale", scale, 2);
  way.vector("offset_px", offset, 2);
  if (!(scale[0] > 0) || !(scale[1] > 0)) way.fail("scale", "must be positive");
  const JsonFields camera((root / "report.json").string(),
                          "network_camera of '" + photo.name + "'",
                          fields.member("network_camera"));
  network.fx_px = camera.number("fx_px");
  network.fy_px = camera.number("fy_px");
  network.cx_px = camera.number("cx_px");
  network.cy_px = camera.number("cy_px");
  if (!(network.fx_px > 0) || !(network.fy_px > 0)) camera.fail("fx_px", "must be positive");
  camera.vector("rotation_cam_from_world", network.rotation.data(), 9);
  camera.vector("translation_cam_from_world", network.translation.data(), 3);
  const Eigen::Matrix3d rotation = rotation_of(network);
  if (!((rotation * rotation.transpose() - Eigen::Matrix3d::Identity()).norm() < 1e-2)) {
    camera.fail("rotation_cam_from_world", "is no rotation");
  }
  photo.network_camera = network;
  photo.scale_x = scale[0];
  photo.scale_y = scale[1];
  photo.offset_x_px = offset[0];
  photo.offset_y_px = offset[1];
  photo.camera = network;
  photo.camera.width_px = fields.size("width_px");
  photo.camera.height_px = fields.size("height_px");
  if (std::max(photo.camera.width_px, photo.camera.height_px) > kLargestPicture) {
    fields.fail("width_px", "cannot be true");
  }
  if (photo.quarter_turns % 2 == 1) std::swap(photo.camera.width_px, photo.camera.height_px);
  photo.camera.fx_px /= scale[0];
  photo.camera.fy_px /= scale[1];
  photo.camera.cx_px = (network.cx_px - offset[0]) / scale[0];
  photo.camera.cy_px = (network.cy_px - offset[1]) / scale[1];
  photo.depth_path = (root / "depth" / (out.file + ".npy")).string();
  photo.confidence_path = (root / "confidence" / (out.file + ".npy")).string();
  return out;
}

// transforms.json knows where the photos are, in the same order.
void find_photos(const fs::path& root, Scene& scene) {
  const std::string path = (root / "transforms.json").string();
  try {
    const TransformsFile transforms = read_transforms(path);
    if (transforms.frames.size() != scene.photos.size()) {
      throw IoError(path, "has another number of photos than report.json");
    }
    for (size_t i = 0; i < scene.photos.size(); ++i) {
      scene.photos[i].photo_path =
          (root / transforms.frames[i].file_path).lexically_normal().string();
    }
  } catch (const IoError& error) {
    scene.warnings.push_back(std::string("the photos were not found: ") + error.what());
  }
}

// COLMAP's observations are in the pixels of stored photos.
void add_tracks(const fs::path& root, Scene& scene) {
  const std::string folder = (root / "sparse/0").string();
  if (!is_file(fs::path(folder) / "points3D.bin")) return;
  // One track element per point is what the network's points have: no track, nothing to judge.
  const ColmapModel model = read_colmap(folder);
  const bool has_tracks = std::any_of(model.points.begin(),
                                      model.points.end(),
                                      [](const auto& point) { return point.track.size() > 1; });
  if (!has_tracks) return;
  Scene sparse = load_colmap(root.string(), folder);
  for (Photo& photo : scene.photos) {
    if (photo.quarter_turns != 0) continue;
    for (Photo& other : sparse.photos) {
      if (other.name == photo.name) photo.observations = std::move(other.observations);
    }
  }
}

// The span of the depth around a pixel, as a share of it, as the point filter takes it.
float edge_at(const Map& depth, int x, int y) {
  const float own = depth.at(x, y);
  float low = own;
  float high = own;
  for (int v = std::max(y - 1, 0); v < std::min(y + 2, depth.height); ++v) {
    for (int u = std::max(x - 1, 0); u < std::min(x + 2, depth.width); ++u) {
      const float value = depth.at(u, v);
      if (!std::isfinite(value) || !(value > 0)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  return (high - low) / own;
}

void add_points(const Photo& photo,
                int32_t frame,
                const Map& depth,
                const Map& confidence,
                const Picture& picture,
                Points& points) {
  // Of the size that the network saw, so that a point's colour is the mean of its pixel.
  const Picture small =
      resized(picture,
              std::max(1, static_cast<int>(std::lround(picture.width * photo.scale_x))),
              std::max(1, static_cast<int>(std::lround(picture.height * photo.scale_y))));
  const auto upright_width = static_cast<double>(photo.camera.width_px);
  const auto upright_height = static_cast<double>(photo.camera.height_px);
  for (int y = 0; y < depth.height; ++y) {
    for (int x = 0; x < depth.width; ++x) {
      const float value = depth.at(x, y);
      const float sure = confidence.at(x, y);
      if (!std::isfinite(value) || !(value > 0) || !std::isfinite(sure)) continue;
      const double upright_x = (x + 0.5 - photo.offset_x_px) / photo.scale_x;
      const double upright_y = (y + 0.5 - photo.offset_y_px) / photo.scale_y;
      if (upright_x < 0 || upright_y < 0 || upright_x >= upright_width ||
          upright_y >= upright_height) {
        continue;  // padding
      }
      const Eigen::Vector3f position =
          unproject(photo.network_camera, x + 0.5, y + 0.5, static_cast<double>(value))
              .cast<float>();
      points.position.push_back({position.x(), position.y(), position.z()});
      Rgb colour = {128, 128, 128};
      if (!small.empty()) {
        const int u = std::clamp(
            static_cast<int>(upright_x / upright_width * small.width), 0, small.width - 1);
        const int v = std::clamp(
            static_cast<int>(upright_y / upright_height * small.height), 0, small.height - 1);
        std::copy_n(small.at(u, v), 3, colour.begin());
      }
      points.colour.push_back(colour);
      points.confidence.push_back(sure);
      points.depth.push_back(value);
      points.edge.push_back(edge_at(depth, x, y));
      points.frame.push_back(frame);
    }
  }
}

Map read_network_map(const std::string& path, const Camera& network) {
  Map map = read_map(path);
  if (map.width != network.width_px || map.height != network.height_px) {
    throw IoError(path,
                  "must be " + std::to_string(network.height_px) + " x " +
                      std::to_string(network.width_px) + ", the network_input of report.json");
  }
  return map;
}

void read_filter(const Json& report, Filter& filter) {
  const auto options = report.find("options");
  if (options == report.end() || !options->is_object()) return;
  const auto number = [&](const char* name, double fallback) {
    const auto found = options->find(name);
    return found != options->end() && found->is_number() ? found->get<double>() : fallback;
  };
  filter.drop_percent = std::clamp(number("drop_percent", 0), 0.0, 99.9);
  filter.edge_ratio = std::max(number("edges", 0), 0.0);
}

void reserve(Points& points, size_t count) {
  points.position.reserve(count);
  points.colour.reserve(count);
  points.confidence.reserve(count);
  points.depth.reserve(count);
  points.edge.reserve(count);
  points.frame.reserve(count);
}

// The photos in report.json; their maps stay to be read.
Scene read_result_report(const std::string& path) {
  const fs::path root(path);
  const std::string report_path = (root / "report.json").string();
  const Json report = read_json(report_path);
  const JsonFields fields(report_path, "", report);
  Scene scene{.path = path, .kind = SceneKind::kResult};
  const JsonFields input(report_path, "network_input", fields.member("network_input"));
  const Camera network{.width_px = input.size("width_px"), .height_px = input.size("height_px")};
  const Json& photos = fields.member("photos");
  if (!photos.is_array() || photos.empty()) fields.fail("photos", "names no photo");
  for (size_t i = 0; i < photos.size(); ++i) {
    const JsonFields photo(report_path, "photo " + std::to_string(i), photos[i]);
    scene.photos.push_back(photo_from_report(photo, root, network).photo);
  }
  read_filter(report, scene.filter);
  return scene;
}

Scene load_result(const std::string& path, const LoadCallback& callback) {
  Scene scene = read_result_report(path);
  const fs::path root(path);
  find_photos(root, scene);
  try {
    add_tracks(root, scene);
  } catch (const IoError& error) {
    scene.warnings.push_back(error.what());
  }
  const Camera& network = scene.photos.front().network_camera;
  // A size that the maps do not have is found when they are read; until then nothing is allocated.
  const size_t total = scene.photos.size();
  size_t without = 0;
  for (size_t i = 0; i < total; ++i) {
    const Photo& photo = scene.photos[i];
    Picture picture;
    if (!photo.photo_path.empty()) {
      try {
        picture = read_picture(photo.photo_path, photo.quarter_turns);
      } catch (const IoError& error) {
        scene.warnings.push_back(std::string(error.what()) + "; its points are grey");
      }
    }
    try {
      const Map depth = read_network_map(photo.depth_path, network);
      const Map confidence = read_network_map(photo.confidence_path, network);
      if (scene.points.position.empty()) reserve(scene.points, (total - i) * depth.values.size());
      add_points(photo, static_cast<int32_t>(i), depth, confidence, picture, scene.points);
    } catch (const IoError& error) {
      scene.warnings.push_back(error.what());
      ++without;
    }
    if (callback && !callback(scene, i + 1, total)) throw Cancelled();
  }
  if (without == total) {
    // What is left of such a result: its points, if it has any.
    scene.points = read_ply_points((root / "points.ply").string());
    scene.filter = {};
  }
  return scene;
}

}  // namespace

std::optional<SceneKind> kind_of(const std::string& path) {
  const fs::path root(path);
  if (is_file(root / "report.json")) return SceneKind::kResult;
  if (is_file(root) && root.extension() == ".ply") return SceneKind::kPly;
  if (is_file(root) && root.extension() == ".json") return SceneKind::kTransforms;
  if (!colmap_folder(path).empty()) return SceneKind::kColmap;
  if (is_file(root / "transforms.json")) return SceneKind::kTransforms;
  return std::nullopt;
}

Scene load_scene(const std::string& path, const LoadCallback& callback) {
  const std::optional<SceneKind> kind = kind_of(path);
  if (!kind) {
    std::error_code error;
    throw IoError(path,
                  fs::exists(path, error)
                      ? "holds no result (report.json), COLMAP model, transforms.json or .ply"
                      : "no such file or folder");
  }
  if (*kind == SceneKind::kResult) return load_result(path, callback);
  Scene scene;
  if (*kind == SceneKind::kPly) scene = load_ply(path);
  if (*kind == SceneKind::kColmap) scene = load_colmap(path, colmap_folder(path));
  if (*kind == SceneKind::kTransforms) {
    const fs::path root(path);
    scene = load_transforms(path, (is_file(root) ? root : root / "transforms.json").string());
  }
  if (callback && !callback(scene, 1, 1)) throw Cancelled();
  return scene;
}

}  // namespace vggt::viewer
