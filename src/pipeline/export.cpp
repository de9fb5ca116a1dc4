// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/export.h"

#include "src/base/error.h"
#include "src/geometry/rotation.h"
#include "src/io/npy.h"
#include "src/io/ply.h"
#include "src/io/utf8.h"
#include "src/pipeline/predictions_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

namespace vggt {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPoints = "points.ply";

// Of length one, (x, y, z, w).
std::array<double, 4> quaternion_xyzw(const std::array<double, 9>& rotation) {
  const at::Tensor matrix = at::tensor(rotation, at::kDouble).view({3, 3});
  const at::Tensor xyzw = quaternion_from_matrix(matrix).contiguous();
  const double* q = xyzw.const_data_ptr<double>();
  return {q[0], q[1], q[2], q[3]};
}

void add_view(const View& view, uint32_t id, ColmapModel& model) {
  const Camera camera = view.map.stored_camera(view.camera);
  model.cameras.push_back({.id = id,
                           .width_px = static_cast<uint64_t>(camera.width_px),
                           .height_px = static_cast<uint64_t>(camera.height_px),
                           .fx_px = camera.fx_px,
                           .fy_px = camera.fy_px,
                           .cx_px = camera.cx_px,
                           .cy_px = camera.cy_px});
  ColmapModel::Image image;
  image.id = id;
  const auto [x, y, z, w] = quaternion_xyzw(camera.rotation);
  image.rotation_wxyz = {w, x, y, z};
  image.translation = camera.translation;
  image.camera_id = id;
  image.name = view.name;
  model.images.push_back(std::move(image));
}

// A relative path below the folder it will be put into: names may come from a list or an old
// result.
fs::path harmless(const std::string& name) {
  fs::path path;
  for (const fs::path& part : fs::path(name).relative_path()) {
    if (part.empty() || part == ".") continue;
    path /= part == ".." ? fs::path("_") : part;
  }
  return path.empty() ? fs::path("_") : path;
}

// How far the point projects from the pixel, in stored pixels.
double error_px(const View& view, const float* point, double x_px, double y_px) {
  const Camera& camera = view.camera;
  std::array<double, 3> in_cam = camera.translation;
  for (int row = 0; row < 3; ++row) {
    for (int k = 0; k < 3; ++k) {
      in_cam[row] += camera.rotation[3 * row + k] * static_cast<double>(point[k]);
    }
  }
  const double x = camera.fx_px * in_cam[0] / in_cam[2] + camera.cx_px;
  const double y = camera.fy_px * in_cam[1] / in_cam[2] + camera.cy_px;
  return std::hypot((x - x_px) / view.map.scale_x, (y - y_px) / view.map.scale_y);
}

// How far a stored camera's projection of the point is from where the photo shows it.
double error_px(const Camera& camera,
                const std::array<double, 3>& point,
                const TrackedPoint::Sighting& sighting) {
  std::array<double, 3> in_cam = camera.translation;
  for (int row = 0; row < 3; ++row) {
    for (int k = 0; k < 3; ++k) in_cam[row] += camera.rotation[3 * row + k] * point[k];
  }
  return std::hypot(camera.fx_px * in_cam[0] / in_cam[2] + camera.cx_px - sighting.x_px,
                    camera.fy_px * in_cam[1] / in_cam[2] + camera.cy_px - sighting.y_px);
}

}  // namespace

ColmapModel colmap_from(const std::vector<View>& views, const std::vector<TrackedPoint>& points) {
  ColmapModel model;
  std::vector<Camera> cameras;
  for (size_t s = 0; s < views.size(); ++s) {
    add_view(views[s], static_cast<uint32_t>(s + 1), model);
    cameras.push_back(views[s].map.stored_camera(views[s].camera));
  }
  for (const TrackedPoint& tracked : points) {
    ColmapModel::Point point;
    point.id = model.points.size() + 1;
    point.position = tracked.position;
    point.rgb = tracked.rgb;
    for (const TrackedPoint::Sighting& sighting : tracked.sightings) {
      const auto view = static_cast<size_t>(sighting.view);
      TORCH_CHECK(view < views.size(), "colmap_from: no view ", sighting.view);
      auto& observations = model.images[view].observations;
      point.track.push_back(
          {static_cast<uint32_t>(view + 1), static_cast<uint32_t>(observations.size())});
      observations.push_back({sighting.x_px, sighting.y_px, point.id});
      point.error_px += error_px(cameras[view], tracked.position, sighting);
    }
    point.error_px /= static_cast<double>(std::max<size_t>(1, tracked.sightings.size()));
    model.points.push_back(std::move(point));
  }
  return model;
}

std::vector<TrackedPoint> tracked_points(const ColmapModel& model,
                                         size_t views,
                                         const std::string& where) {
  std::vector<const ColmapModel::Image*> images(views);
  for (const ColmapModel::Image& image : model.images) {
    if (image.id < 1 || image.id > views) {
      throw IoError(where, "image " + std::to_string(image.id) + " is none of the photos");
    }
    images[image.id - 1] = &image;
  }
  std::vector<TrackedPoint> points;
  for (const ColmapModel::Point& point : model.points) {
    TrackedPoint tracked{point.position, point.rgb, {}};
    for (const ColmapModel::TrackElement& element : point.track) {
      const auto& seen = images[element.image_id - 1]->observations[element.observation];
      tracked.sightings.push_back(
          {static_cast<int32_t>(element.image_id - 1), seen.x_px, seen.y_px});
    }
    points.push_back(std::move(tracked));
  }
  return points;
}

ColmapModel colmap_from(const Reconstruction& reconstruction, int64_t max_points) {
  const auto views = static_cast<int64_t>(reconstruction.views.size());
  ColmapModel model;
  for (int64_t s = 0; s < views; ++s) {
    add_view(reconstruction.views[s], static_cast<uint32_t>(s + 1), model);
  }
  const PointCloud& cloud = reconstruction.points;
  const int64_t total = cloud.size();
  const int64_t kept = std::min(total, max_points);
  if (kept <= 0) return model;

  const at::Tensor position = cloud.position.contiguous();
  const at::Tensor colour = cloud.colour.contiguous();
  const at::Tensor frame = cloud.frame.contiguous();
  const at::Tensor pixel = cloud.pixel.contiguous();
  TORCH_CHECK(frame.numel() == total && pixel.numel() == 2 * total && colour.numel() == 3 * total,
              "colmap_from: the points' tensors differ in length");
  const float* xyz = position.const_data_ptr<float>();
  const uint8_t* rgb = colour.const_data_ptr<uint8_t>();
  const int32_t* frames = frame.const_data_ptr<int32_t>();
  const int32_t* pixels = pixel.const_data_ptr<int32_t>();

  for (int64_t k = 0; k < kept; ++k) {
    // Points are ordered by frame and pixel: equal steps visit all of them alike.
    const int64_t i = k * total / kept;
    const float* p = xyz + 3 * i;
    if (!std::isfinite(p[0]) || !std::isfinite(p[1]) || !std::isfinite(p[2])) continue;
    TORCH_CHECK(frames[i] >= 0 && frames[i] < views, "colmap_from: no frame ", frames[i]);
    const View& view = reconstruction.views[frames[i]];
    auto& observations = model.images[frames[i]].observations;

    ColmapModel::Point point;
    point.id = model.points.size() + 1;
    point.position = {p[0], p[1], p[2]};
    point.rgb = {rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]};
    point.track = {
        {static_cast<uint32_t>(frames[i] + 1), static_cast<uint32_t>(observations.size())}};
    // A point lies where the centre of its pixel looks.
    const double x_in_network = pixels[2 * i] + 0.5;
    const double y_in_network = pixels[2 * i + 1] + 0.5;
    point.error_px = error_px(view, p, x_in_network, y_in_network);
    const auto [x_px, y_px] = view.map.stored_from_network(x_in_network, y_in_network);
    observations.push_back({x_px, y_px, point.id});
    model.points.push_back(std::move(point));
  }
  return model;
}

TransformsFile transforms_from(const Reconstruction& reconstruction,
                               const std::vector<std::string>& file_paths) {
  const std::vector<View>& views = reconstruction.views;
  TORCH_CHECK(file_paths.empty() || file_paths.size() == views.size(),
              "transforms_from: one path per photo is needed");
  TransformsFile transforms;
  transforms.ply_file_path = kPoints;
  for (size_t s = 0; s < views.size(); ++s) {
    transforms.frames.push_back(
        frame_from_camera(file_paths.empty() ? views[s].name : file_paths[s],
                          views[s].map.stored_camera(views[s].camera)));
  }
  return transforms;
}

std::vector<TumPose> trajectory_from(const Reconstruction& reconstruction,
                                     const std::vector<double>& timestamps) {
  const std::vector<View>& views = reconstruction.views;
  TORCH_CHECK(timestamps.empty() || timestamps.size() == views.size(),
              "trajectory_from: one timestamp per photo is needed");
  std::vector<TumPose> poses;
  for (size_t s = 0; s < views.size(); ++s) {
    // world_from_cam is the inverse of cam_from_world: the conjugate.
    const auto [x, y, z, w] = quaternion_xyzw(views[s].camera.rotation);
    poses.push_back({.timestamp = timestamps.empty() ? static_cast<double>(s) : timestamps[s],
                     .centre_in_world = views[s].camera.centre_in_world(),
                     .rotation_xyzw = {-x, -y, -z, w}});
  }
  return poses;
}

std::vector<std::string> photo_stems(const std::vector<View>& views) {
  const auto stem_of = [](const fs::path& path) {
    return (path.parent_path() / path.stem()).string();
  };
  std::map<std::string, int> uses;
  const auto path_of = [](const View& view) { return harmless(valid_utf8(view.name)); };
  for (const View& view : views) ++uses[stem_of(path_of(view))];
  std::set<std::string> taken;
  std::vector<std::string> stems;
  for (const View& view : views) {
    const fs::path path = path_of(view);
    std::string stem = uses[stem_of(path)] > 1 ? path.string() : stem_of(path);
    while (!taken.insert(stem).second) stem += "_";
    stems.push_back(stem);
  }
  return stems;
}

std::vector<OutputFile> result_files(const Reconstruction& reconstruction,
                                     const std::string& folder,
                                     const ExportOptions& options) {
  const std::vector<std::string> stems = photo_stems(reconstruction.views);
  const auto views = static_cast<int64_t>(stems.size());
  TORCH_CHECK(reconstruction.depth.size(0) == views && reconstruction.confidence.size(0) == views,
              "result_files: depth and confidence must have one frame per view");
  const fs::path root(folder);
  const Reconstruction* const result = &reconstruction;  // what the files' writers hold
  std::vector<OutputFile> files;
  const auto add = [&](const fs::path& path, auto write) {
    files.push_back({path.string(), [write, path = path.string()] { write(path); }});
  };
  if (options.predictions) {
    add(root / "predictions.safetensors",
        [result](const std::string& path) { write_predictions(path, *result); });
  }
  add(root / kPoints,
      [result](const std::string& path) { write_ply(path, result->points, result->note); });
  add(root / "sparse/0/cameras.bin", [result, options](const std::string& path) {
    const std::string sparse = fs::path(path).parent_path().string();
    const ColmapModel model = options.tracked.empty() ? colmap_from(*result, options.sparse_points)
                                                      : colmap_from(result->views, options.tracked);
    write_colmap(sparse, model);
    if (options.text) write_colmap_text(sparse, model);
  });
  add(root / "transforms.json", [result, options](const std::string& path) {
    write_transforms(path, transforms_from(*result, options.photo_paths));
  });
  add(root / "trajectory.tum", [result, options](const std::string& path) {
    write_tum(path, trajectory_from(*result, options.timestamps));
  });
  for (const auto& [name, maps] : {std::pair("depth", &reconstruction.depth),
                                   std::pair("confidence", &reconstruction.confidence)}) {
    for (int64_t s = 0; s < views; ++s) {
      add(root / name / (stems[static_cast<size_t>(s)] + ".npy"),
          [map = (*maps)[s]](const std::string& path) { write_npy(path, map); });
    }
  }
  return files;
}

}  // namespace vggt
