// SPDX-License-Identifier: Apache-2.0
#include "datasets/transforms_scenes.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "datasets/loading.h"
#include "src/io/json_file.h"

namespace vggt::datasets {
namespace {

using nlohmann::json;

// As given, or with an extension; empty if it is not there.
std::string find_photo(const std::string& folder, const std::string& file_path) {
  const std::string path = file_path.rfind('/', 0) == 0 ? file_path : folder + "/" + file_path;
  for (const char* extension : {"", ".png", ".jpg", ".jpeg"}) {
    if (is_file(path + extension)) return path + extension;
  }
  return "";
}

// Sizes and focal lengths as far as the file tells them.
Camera intrinsics(const JsonFields& fields) {
  Camera camera;
  if (!fields.find("w") || !fields.find("h")) return camera;
  camera.width_px = fields.size("w");
  camera.height_px = fields.size("h");
  const auto width = static_cast<double>(camera.width_px);
  const auto height = static_cast<double>(camera.height_px);
  if (fields.find("fl_x")) {
    camera.fx_px = fields.number("fl_x");
  } else if (fields.find("camera_angle_x")) {
    camera.fx_px = width / (2 * std::tan(fields.number("camera_angle_x") / 2));
  }
  camera.fy_px = fields.find("fl_y") ? fields.number("fl_y")
                 : fields.find("camera_angle_y")
                     ? height / (2 * std::tan(fields.number("camera_angle_y") / 2))
                     : camera.fx_px;
  camera.cx_px = fields.find("cx") ? fields.number("cx") : width / 2;
  camera.cy_px = fields.find("cy") ? fields.number("cy") : height / 2;
  return camera;
}

void read_frames(const std::string& folder, Sequence& sequence) {
  const std::string path = folder + "/transforms.json";
  const json root = read_json(path);
  const JsonFields whole(path, "", root);
  const json& frames = whole.member("frames");
  if (!frames.is_array()) whole.fail("frames", "is no list");
  for (size_t i = 0; i < frames.size(); ++i) {
    const JsonFields fields(path, "frame " + std::to_string(i), frames[i], &root);
    const std::string photo = find_photo(folder, fields.text("file_path"));
    if (photo.empty()) continue;
    double matrix[16];
    fields.matrix("transform_matrix", matrix, 4, 4);
    const Rigid world_from_cam = opengl_turned(rigid_from(matrix));
    if (!is_pose(world_from_cam)) fields.fail("transform_matrix", "is no rotation and translation");
    Frame frame{.image = photo, .camera = placed(intrinsics(fields), inverse(world_from_cam))};
    if (fields.find("depth_file_path")) {
      // In the unit of the poses: as instant-ngp has it, or nerfstudio's thousandths.
      const double unit =
          whole.find("integer_depth_scale") ? whole.number("integer_depth_scale") : 1e-3;
      if (!(unit > 0)) whole.fail("integer_depth_scale", "must be positive");
      frame.depth = {.path = folder + "/" + fields.text("depth_file_path"),
                     .values_per_unit = 1 / unit};
    }
    sequence.frames.push_back(std::move(frame));
  }
}

}  // namespace

Dataset load_transforms(const LoadOptions& options) {
  Dataset dataset{.name = "transforms"};
  const auto is_scene = [](const std::string& folder) {
    return is_file(folder + "/transforms.json");
  };
  for (const std::string& folder : sequence_folders(options.root, "transforms.json", is_scene)) {
    const std::string name = sequence_name(options.root, folder);
    dataset.sequences.push_back(read_sequence(
        {.name = name, .category = name, .trust = "published SfM"},
        [&](Sequence& sequence) { read_frames(options.root + "/" + folder, sequence); }));
  }
  return dataset;
}

}  // namespace vggt::datasets
