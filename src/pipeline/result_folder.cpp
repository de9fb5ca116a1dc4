// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/result_folder.h"

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/base/error.h"
#include "src/io/npy.h"
#include "src/io/ply.h"

namespace vggt {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json camera_to_json(const Camera& camera) {
  return {{"fx_px", camera.fx_px},
          {"fy_px", camera.fy_px},
          {"cx_px", camera.cx_px},
          {"cy_px", camera.cy_px},
          {"rotation_cam_from_world", camera.rotation},
          {"translation_cam_from_world", camera.translation}};
}

// Sizes are the map's.
Camera camera_from_json(const Json& json, int64_t width_px, int64_t height_px) {
  Camera camera = {.width_px = width_px, .height_px = height_px};
  json.at("fx_px").get_to(camera.fx_px);
  json.at("fy_px").get_to(camera.fy_px);
  json.at("cx_px").get_to(camera.cx_px);
  json.at("cy_px").get_to(camera.cy_px);
  json.at("rotation_cam_from_world").get_to(camera.rotation);
  json.at("translation_cam_from_world").get_to(camera.translation);
  return camera;
}

View view_from_json(const Json& json, int64_t network_width_px, int64_t network_height_px) {
  View view;
  json.at("name").get_to(view.name);
  PixelMap& map = view.map;
  json.at("width_px").get_to(map.stored_width_px);
  json.at("height_px").get_to(map.stored_height_px);
  json.at("exif_orientation_applied").get_to(map.orientation);
  const Json& way = json.at("network_from_upright");
  const auto scale = way.at("scale").get<std::array<double, 2>>();
  const auto offset = way.at("offset_px").get<std::array<double, 2>>();
  map.scale_x = scale[0];
  map.scale_y = scale[1];
  map.offset_x_px = offset[0];
  map.offset_y_px = offset[1];
  map.network_width_px = network_width_px;
  map.network_height_px = network_height_px;
  view.camera = camera_from_json(json.at("network_camera"), network_width_px, network_height_px);
  return view;
}

// Empty, or the field that cannot be true.
std::string impossible_field(const View& view) {
  const PixelMap& map = view.map;
  const Camera& camera = view.camera;
  const auto is_size = [](int64_t px) { return px > 0 && px < (int64_t{1} << 30); };
  const auto is_scale = [](double scale) { return scale > 0 && std::isfinite(scale); };
  if (!is_size(map.stored_width_px)) return "width_px";
  if (!is_size(map.stored_height_px)) return "height_px";
  if (map.orientation < 1 || map.orientation > 8) return "exif_orientation_applied";
  if (!is_scale(map.scale_x) || !is_scale(map.scale_y)) return "network_from_upright.scale";
  if (!std::isfinite(map.offset_x_px) || !std::isfinite(map.offset_y_px)) {
    return "network_from_upright.offset_px";
  }
  if (!is_scale(camera.fx_px) || !is_scale(camera.fy_px) || !std::isfinite(camera.cx_px) ||
      !std::isfinite(camera.cy_px)) {
    return "network_camera";
  }
  constexpr double kRounding = 1e-3;
  for (int i = 0; i < 3; ++i) {
    if (!std::isfinite(camera.translation[i])) return "network_camera.translation_cam_from_world";
    for (int j = 0; j < 3; ++j) {
      double dot = 0;
      for (int k = 0; k < 3; ++k) dot += camera.rotation[3 * i + k] * camera.rotation[3 * j + k];
      if (!(std::abs(dot - (i == j ? 1 : 0)) < kRounding)) {
        return "network_camera.rotation_cam_from_world";
      }
    }
  }
  return "";
}

at::Tensor read_map(const fs::path& path, int64_t height, int64_t width) {
  const at::Tensor map = read_npy(path.string());
  if (map.scalar_type() != at::kFloat || map.sizes() != at::IntArrayRef({height, width})) {
    throw IoError(path.string(),
                  "must be float32 of " + std::to_string(height) + " x " + std::to_string(width) +
                      ", the network_input of report.json");
  }
  return map;
}

}  // namespace

Json view_to_json(const View& view, const std::string& file) {
  const PixelMap& map = view.map;
  return {
      {"name", view.name},
      {"file", file},
      {"width_px", map.stored_width_px},
      {"height_px", map.stored_height_px},
      {"exif_orientation_applied", map.orientation},
      {"network_from_upright",
       {{"scale", {map.scale_x, map.scale_y}}, {"offset_px", {map.offset_x_px, map.offset_y_px}}}},
      {"camera", camera_to_json(map.stored_camera(view.camera))},
      {"network_camera", camera_to_json(view.camera)}};
}

Json read_report(const std::string& folder) {
  const std::string path = (fs::path(folder) / "report.json").string();
  std::error_code error;
  if (!fs::exists(path, error)) {
    throw IoError(folder, "is no result of 'vggt reconstruct': it holds no report.json");
  }
  std::ifstream in(path);
  if (!in) throw IoError(path, "cannot be opened");
  try {
    // Values are as deep in memory as in the text.
    constexpr int kDeepest = 32;
    return Json::parse(in, [](int depth, Json::parse_event_t, Json&) {
      if (depth > kDeepest) throw Json::other_error::create(501, "nested too deep", nullptr);
      return true;
    });
  } catch (const Json::exception& problem) {
    throw IoError(path,
                  std::string("is damaged, restore it or make the result anew: ") + problem.what());
  }
}

Reconstruction read_result(const std::string& folder, const ProgressCallback& progress) {
  const Json report = read_report(folder);
  const fs::path root(folder);
  Reconstruction result;
  std::vector<std::string> files;
  int64_t width = 0;
  int64_t height = 0;
  try {
    report.at("network_input").at("width_px").get_to(width);
    report.at("network_input").at("height_px").get_to(height);
    for (const Json& photo : report.at("photos")) {
      result.views.push_back(view_from_json(photo, width, height));
      const std::string field = impossible_field(result.views.back());
      if (!field.empty()) {
        throw IoError((root / "report.json").string(),
                      field + " of photo '" + result.views.back().name +
                          "' cannot be true; make the result anew");
      }
      files.push_back(photo.at("file"));
    }
    if (report.contains("note")) report.at("note").get_to(result.note);
  } catch (const Json::exception& problem) {
    throw IoError((root / "report.json").string(),
                  std::string("is none that 'vggt reconstruct' wrote: ") + problem.what());
  }
  if (result.views.empty()) throw IoError((root / "report.json").string(), "names no photo");
  std::vector<at::Tensor> depth;
  std::vector<at::Tensor> confidence;
  StageProgress stage("result", static_cast<int64_t>(files.size()), progress);
  for (const std::string& file : files) {
    const fs::path relative = fs::path(file).lexically_normal();
    if (relative.is_absolute() || *relative.begin() == "..") {
      throw IoError((root / "report.json").string(), "file '" + file + "' lies outside the result");
    }
    depth.push_back(read_map(root / "depth" / (file + ".npy"), height, width));
    confidence.push_back(read_map(root / "confidence" / (file + ".npy"), height, width));
    stage.advance();
  }
  result.depth = at::stack(depth);
  result.confidence = at::stack(confidence);
  result.points = read_ply((root / "points.ply").string());
  return result;
}

}  // namespace vggt
