// SPDX-License-Identifier: Apache-2.0
#include "src/io/transforms.h"

#include "src/base/error.h"
#include "src/io/binary_file.h"
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

json parse(const std::string& path) {
  constexpr int kMaxDepth = 16;  // values are as deep in memory as in the text
  BinaryReader file(path);
  std::string text(file.remaining(), '\0');
  file.bytes(text.data(), text.size(), "the JSON");
  const auto check = [&](int depth, json::parse_event_t, json&) {
    if (depth > kMaxDepth) throw IoError(path, "is nested too deep");
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception& error) {
    throw IoError(path, std::string("is not valid JSON: ") + error.what());
  }
}

// Looks a field up in one frame, then beside the frames.
class FrameReader {
 public:
  FrameReader(const std::string& path, const json& root, size_t index)
      : path_(path), root_(root), frame_(root["frames"][index]), index_(index) {
    if (!frame_.is_object()) fail("it", "is no object");
  }

  TransformsFile::Frame read() const {
    TransformsFile::Frame frame;
    const json& file_path = member("file_path");
    if (!file_path.is_string()) fail("file_path", "is no string");
    frame.file_path = file_path.get<std::string>();
    frame.width_px = size("w");
    frame.height_px = size("h");
    frame.fx_px = number(member("fl_x"), "fl_x");
    frame.fy_px = number(member("fl_y"), "fl_y");
    if (!(frame.fx_px > 0 && frame.fy_px > 0)) fail("fl_x, fl_y", "must be positive");
    frame.cx_px = number(member("cx"), "cx");
    frame.cy_px = number(member("cy"), "cy");
    check_model();
    const json& matrix = member("transform_matrix");
    if (!matrix.is_array() || matrix.size() != 4) fail("transform_matrix", "is not 4 x 4");
    for (size_t row = 0; row < 4; ++row) {
      if (!matrix[row].is_array() || matrix[row].size() != 4) {
        fail("transform_matrix", "is not 4 x 4");
      }
      for (size_t column = 0; column < 4; ++column) {
        frame.transform_matrix[4 * row + column] = number(matrix[row][column], "transform_matrix");
      }
    }
    check_rigid(frame.transform_matrix);
    return frame;
  }

 private:
  [[noreturn]] void fail(const std::string& field, const std::string& reason) const {
    throw IoError(path_, "frame " + std::to_string(index_) + ": " + field + " " + reason);
  }

  const json* find(const char* field) const {
    for (const json* object : {&frame_, &root_}) {
      const auto found = object->find(field);
      if (found != object->end()) return &*found;
    }
    return nullptr;
  }

  const json& member(const char* field) const {
    const json* found = find(field);
    if (!found) fail(field, "is missing");
    return *found;
  }

  double number(const json& value, const char* field) const {
    if (!value.is_number() || !std::isfinite(value.get<double>())) fail(field, "is no number");
    return value.get<double>();
  }

  int64_t size(const char* field) const {
    constexpr double kMost = 1e9;
    const double value = number(member(field), field);
    // Some programs write sizes as 640.0.
    if (!(value >= 1 && value <= kMost) || value != std::floor(value)) fail(field, "is no size");
    return static_cast<int64_t>(value);
  }

  void check_rigid(const std::array<double, 16>& matrix) const {
    constexpr double kTolerance = 1e-3;  // of matrices written with few digits
    double worst = 0;
    for (int a = 0; a < 3; ++a) {
      worst = std::max(worst, std::abs(matrix[12 + a]));
      for (int b = 0; b < 3; ++b) {
        double product = a == b ? -1 : 0;
        for (int row = 0; row < 3; ++row) product += matrix[4 * row + a] * matrix[4 * row + b];
        worst = std::max(worst, std::abs(product));
      }
    }
    worst = std::max(worst, std::abs(matrix[15] - 1));
    if (!(worst < kTolerance)) fail("transform_matrix", "is no rotation and translation");
  }

  void check_model() const {
    const json* model = find("camera_model");
    if (model && *model != "OPENCV" && *model != "PINHOLE") {
      fail("camera_model", "is " + model->dump().substr(0, 40) + "; OPENCV and PINHOLE are read");
    }
    const auto check_zero = [&](const char* field) {
      const json* value = find(field);
      if (!value) return;
      for (const json& part : value->is_array() ? *value : json::array({*value})) {
        if (number(part, field) != 0) fail(field, "is not 0: undistort the photos first");
      }
    };
    for (const char* field : kDistortion) check_zero(field);
    for (const char* field : kMoreDistortion) check_zero(field);
  }

  const std::string& path_;
  const json& root_;
  const json& frame_;
  size_t index_;
};

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
  const json root = parse(path);
  if (!root.is_object() || !root.contains("frames") || !root["frames"].is_array()) {
    throw IoError(path, "frames is missing or no list");
  }
  TransformsFile transforms;
  if (root.contains("ply_file_path")) {
    if (!root["ply_file_path"].is_string()) throw IoError(path, "ply_file_path is no string");
    transforms.ply_file_path = root["ply_file_path"].get<std::string>();
  }
  for (size_t i = 0; i < root["frames"].size(); ++i) {
    transforms.frames.push_back(FrameReader(path, root, i).read());
  }
  return transforms;
}

}  // namespace vggt
