// SPDX-License-Identifier: Apache-2.0
#include "src/io/scene_folder.h"

#include "src/geometry/rigid.h"
#include "src/io/binary_file.h"
#include "src/io/json_file.h"
#include "src/io/utf8.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace vggt {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kConvention = "opencv_world_to_camera";
constexpr const char* kPixelOrigin = "top_left_corner";

std::string cameras_file(const std::string& folder) { return folder + "/cameras.json"; }

void expect_text(const JsonFields& fields, const char* field, const char* expected) {
  const std::string text = fields.text(field);
  if (text != expected) {
    fields.fail(field, "is \"" + text.substr(0, 40) + "\"; only \"" + expected + "\" is read");
  }
}

void check_rotation(const JsonFields& fields, const std::array<double, 9>& r) {
  constexpr double kTolerance = 1e-12;  // the format's own
  const double error = orthonormal_error(r);
  if (error > kTolerance) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.1e", error);
    fields.fail(
        "R",
        std::string("is not orthonormal to 1e-12 (off by ") + text + "): write it with 17 digits");
  }
  if (determinant(r) < 0) fields.fail("R", "is a reflection, not a rotation");
}

SceneFrame frame_from(const JsonFields& fields) {
  SceneFrame frame;
  frame.file = fields.text("file");
  if (frame.file.empty()) fields.fail("file", "is empty");
  if (fields.find("depth")) frame.depth = fields.text("depth");
  Camera& camera = frame.camera;
  camera.width_px = fields.size("width");
  camera.height_px = fields.size("height");
  camera.fx_px = fields.number("fx");
  camera.fy_px = fields.number("fy");
  if (!(camera.fx_px > 0 && camera.fy_px > 0)) fields.fail("fx, fy", "must be positive");
  camera.cx_px = fields.number("cx");
  camera.cy_px = fields.number("cy");
  fields.matrix("R", camera.rotation.data(), 3, 3);
  check_rotation(fields, camera.rotation);
  fields.vector("t", camera.translation.data(), 3);
  return frame;
}

SceneCameras scene_from(const std::string& path, const json& root) {
  const JsonFields fields(path, "", root);
  expect_text(fields, "convention", kConvention);
  expect_text(fields, "pixel_origin", kPixelOrigin);
  SceneCameras scene;
  scene.metric_scale = fields.boolean("metric_scale");
  scene.pose_source = fields.text("pose_source");
  if (fields.find("depth_scale")) {
    scene.depth_scale = fields.number("depth_scale");
    if (!(scene.depth_scale > 0)) fields.fail("depth_scale", "must be positive");
  }
  const json& frames = fields.member("frames");
  if (!frames.is_array()) fields.fail("frames", "is no list");
  for (size_t i = 0; i < frames.size(); ++i) {
    const JsonFields of_frame(path, "frame " + std::to_string(i), frames[i]);
    scene.frames.push_back(frame_from(of_frame));
    if (!scene.frames.back().depth.empty() && scene.depth_scale == 0) {
      of_frame.fail("depth", "is given, but depth_scale is missing");
    }
  }
  return scene;
}

ordered_json to_json(const SceneFrame& frame) {
  const Camera& camera = frame.camera;
  const auto& r = camera.rotation;
  ordered_json object = {{"file", valid_utf8(frame.file)},
                         {"fx", camera.fx_px},
                         {"fy", camera.fy_px},
                         {"cx", camera.cx_px},
                         {"cy", camera.cy_px},
                         {"width", camera.width_px},
                         {"height", camera.height_px},
                         {"R", {{r[0], r[1], r[2]}, {r[3], r[4], r[5]}, {r[6], r[7], r[8]}}},
                         {"t", camera.translation}};
  if (!frame.depth.empty()) object["depth"] = valid_utf8(frame.depth);
  return object;
}

}  // namespace

SceneCameras read_scene_cameras(const std::string& folder) {
  const std::string path = cameras_file(folder);
  return scene_from(path, read_json(path));
}

void write_scene_cameras(const std::string& folder, const SceneCameras& scene) {
  const std::string path = cameras_file(folder);
  ordered_json root = {{"convention", kConvention},
                       {"pixel_origin", kPixelOrigin},
                       {"metric_scale", scene.metric_scale},
                       {"pose_source", valid_utf8(scene.pose_source)}};
  if (scene.depth_scale != 0) root["depth_scale"] = scene.depth_scale;
  root["frames"] = ordered_json::array();
  for (const SceneFrame& frame : scene.frames) root["frames"].push_back(to_json(frame));
  const std::string text = root.dump(1) + "\n";
  scene_from(path, json::parse(text));  // what cannot be read is not written
  BinaryWriter file(path);
  file.bytes(text.data(), text.size());
  file.close();
}

}  // namespace vggt
