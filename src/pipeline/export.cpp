// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/export.h"

#include "src/base/error.h"
#include "src/geometry/rotation.h"
#include "src/io/npy.h"
#include "src/io/ply.h"

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

// (w, x, y, z), COLMAP's order.
std::array<double, 4> quaternion_wxyz(const std::array<double, 9>& rotation) {
  const at::Tensor matrix = at::tensor(rotation, at::kDouble).view({3, 3});
  const at::Tensor xyzw = quaternion_from_matrix(matrix).contiguous();
  const double* q = xyzw.const_data_ptr<double>();
  return {q[3], q[0], q[1], q[2]};
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
  image.rotation_wxyz = quaternion_wxyz(camera.rotation);
  image.translation = camera.translation;
  image.camera_id = id;
  image.name = view.name;
  model.images.push_back(std::move(image));
}

// File names without extension, one per view and all different.
std::vector<std::string> unique_stems(const std::vector<View>& views) {
  std::map<std::string, int> uses;
  for (const View& view : views) ++uses[fs::path(view.name).stem().string()];
  std::set<std::string> taken;
  std::vector<std::string> stems;
  for (const View& view : views) {
    const fs::path name(view.name);
    std::string stem = (uses[name.stem().string()] > 1 ? name.filename() : name.stem()).string();
    while (!taken.insert(stem).second) stem += "_";
    stems.push_back(stem);
  }
  return stems;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError(folder.string(), "cannot be created: " + error.message());
}

}  // namespace

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
    // Points are unprojected from integer pixel indices, so no half pixel is added: they project
    // there.
    const auto [x_px, y_px] = view.map.stored_from_network(pixels[2 * i], pixels[2 * i + 1]);
    observations.push_back({x_px, y_px, point.id});
    model.points.push_back(std::move(point));
  }
  return model;
}

void export_reconstruction(const Reconstruction& reconstruction, const std::string& folder) {
  const auto views = static_cast<int64_t>(reconstruction.views.size());
  TORCH_CHECK(reconstruction.depth.size(0) == views && reconstruction.confidence.size(0) == views,
              "export_reconstruction: depth and confidence must have one frame per view");
  const fs::path root(folder);
  for (const char* name : {"sparse/0", "depth", "confidence"}) make_folder(root / name);
  write_ply((root / "points.ply").string(), reconstruction.points, reconstruction.note);
  write_colmap((root / "sparse/0").string(), colmap_from(reconstruction));
  const std::vector<std::string> stems = unique_stems(reconstruction.views);
  for (int64_t s = 0; s < views; ++s) {
    write_npy((root / "depth" / (stems[s] + ".npy")).string(), reconstruction.depth[s]);
    write_npy((root / "confidence" / (stems[s] + ".npy")).string(), reconstruction.confidence[s]);
  }
}

}  // namespace vggt
