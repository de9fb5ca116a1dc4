// SPDX-License-Identifier: Apache-2.0
#include "src/io/transforms.h"

#include "src/base/error.h"
#include "src/geometry/rigid.h"
#include "src/io/binary_file.h"
#include "src/io/json_file.h"
#include "src/io/utf8.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace vggt {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// nerfstudio's names of the distortion's parameters.
constexpr const char* kDistortion[] = {"k1", "k2", "p1", "p2"};
constexpr const char* kMoreDistortion[] = {"k3", "k4", "k5", "k6", "distortion_params"};

// The sign of each camera axis.
constexpr double kOpenGlFromOpenCv[] = {1, -1, -1};

// A rotation and a translation, up to what matrices written with few digits are off.
void check_rigid(const JsonFields& fields, const std::array<double, 16>& matrix) {
  constexpr double kTolerance = 1e-3;
  std::array<double, 9> rotation;
  for (size_t i = 0; i < 9; ++i) rotation[i] = matrix[4 * (i / 3) + i % 3];
  bool rigid = is_rotation(rotation, kTolerance);
  for (size_t i = 0; i < 4; ++i) {
    rigid = rigid && std::abs(matrix[12 + i] - (i == 3 ? 1 : 0)) <= kTolerance;
  }
  if (!rigid) fields.fail("transform_matrix", "is no rotation and translation");
}

void check_model(const JsonFields& fields) {
  const json* model = fields.find("camera_model");
  if (model && *model != "OPENCV" && *model != "PINHOLE") {
    fields.fail("camera_model",
                "is " + model->dump().substr(0, 40) + "; OPENCV and PINHOLE are read");
  }
  const auto check_zero = [&](const char* field) {
    const json* value = fields.find(field);
    if (!value) return;
    for (const json& part : value->is_array() ? *value : json::array({*value})) {
      if (fields.number(part, field) != 0) {
        fields.fail(field, "is not 0: undistort the photos first");
      }
    }
  };
  for (const char* field : kDistortion) check_zero(field);
  for (const char* field : kMoreDistortion) check_zero(field);
}

TransformsFile::Frame frame_from(const JsonFields& fields) {
  TransformsFile::Frame frame;
  frame.file_path = fields.text("file_path");
  frame.width_px = fields.size("w");
  frame.height_px = fields.size("h");
  frame.fx_px = fields.number("fl_x");
  frame.fy_px = fields.number("fl_y");
  if (!(frame.fx_px > 0 && frame.fy_px > 0)) fields.fail("fl_x, fl_y", "must be positive");
  frame.cx_px = fields.number("cx");
  frame.cy_px = fields.number("cy");
  check_model(fields);
  fields.matrix("transform_matrix", frame.transform_matrix.data(), 4, 4);
  check_rigid(fields, frame.transform_matrix);
  return frame;
}

}  // namespace

TransformsFile::Frame frame_from_camera(const std::string& file_path, const Camera& camera) {
  TransformsFile::Frame frame = {.file_path = file_path,
                                 .width_px = camera.width_px,
                                 .height_px = camera.height_px,
                                 .fx_px = camera.fx_px,
                                 .fy_px = camera.fy_px,
                                 .cx_px = camera.cx_px,
                                 .cy_px = camera.cy_px};
  const std::array<double, 3> centre = camera.centre_in_world();
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      frame.transform_matrix[4 * row + column] =
          camera.rotation[3 * column + row] * kOpenGlFromOpenCv[column];
    }
    frame.transform_matrix[4 * row + 3] = centre[row];
  }
  frame.transform_matrix[15] = 1;
  return frame;
}

Camera camera_from_frame(const TransformsFile::Frame& frame) {
  Camera camera = {.width_px = frame.width_px,
                   .height_px = frame.height_px,
                   .fx_px = frame.fx_px,
                   .fy_px = frame.fy_px,
                   .cx_px = frame.cx_px,
                   .cy_px = frame.cy_px};
  for (int row = 0; row < 3; ++row) {
    camera.translation[row] = 0;
    for (int column = 0; column < 3; ++column) {
      const double entry = frame.transform_matrix[4 * column + row] * kOpenGlFromOpenCv[row];
      camera.rotation[3 * row + column] = entry;
      camera.translation[row] -= entry * frame.transform_matrix[4 * column + 3];
    }
  }
  return camera;
}

void write_transforms(const std::string& path, const TransformsFile& transforms) {
  ordered_json root;
  root["camera_model"] = "OPENCV";
  for (const char* field : kDistortion) root[field] = 0.0;
  if (!transforms.ply_file_path.empty()) {
    root["ply_file_path"] = valid_utf8(transforms.ply_file_path);
  }
  root["frames"] = ordered_json::array();
  for (const auto& frame : transforms.frames) {
    ordered_json rows = ordered_json::array();
    for (int row = 0; row < 4; ++row) {
      const double* const entries = &frame.transform_matrix[4 * row];
      rows.push_back({entries[0], entries[1], entries[2], entries[3]});
    }
    root["frames"].push_back({{"file_path", valid_utf8(frame.file_path)},
                              {"w", frame.width_px},
                              {"h", frame.height_px},
                              {"fl_x", frame.fx_px},
                              {"fl_y", frame.fy_px},
                              {"cx", frame.cx_px},
                              {"cy", frame.cy_px},
                              {"transform_matrix", rows}});
  }
  const std::string text = root.dump(2) + "\n";
  BinaryWriter file(path);
  file.bytes(text.data(), text.size());
  file.close();
}

TransformsFile read_transforms(const std::string& path) {
  const json root = read_json(path);
  if (!root.is_object() || !root.contains("frames") || !root["frames"].is_array()) {
    throw IoError(path, "frames is missing or no list");
  }
  TransformsFile transforms;
  if (root.contains("ply_file_path")) {
    if (!root["ply_file_path"].is_string()) throw IoError(path, "ply_file_path is no string");
    transforms.ply_file_path = root["ply_file_path"].get<std::string>();
  }
  for (size_t i = 0; i < root["frames"].size(); ++i) {
    // Intrinsics may stand beside the frames.
    const JsonFields fields(path, "frame " + std::to_string(i), root["frames"][i], &root);
    transforms.frames.push_back(frame_from(fields));
  }
  return transforms;
}

}  // namespace vggt
