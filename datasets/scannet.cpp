// SPDX-License-Identifier: Apache-2.0
#include "datasets/scannet.h"

#include <cmath>
#include <optional>

#include "datasets/loading.h"
#include "datasets/sens_file.h"
#include "src/base/error.h"

namespace vggt::datasets {
namespace {

constexpr size_t kScenes = 50;

// The colour camera; half a pixel from centres of pixels to their corners. Exports without it have
// poses only.
Camera colour_camera(const std::string& folder) {
  const std::string path = folder + "/intrinsic/intrinsic_color.txt";
  if (!is_file(path)) return {};
  const std::vector<double> k = read_numbers(path, 16);
  // Exports keep the sensor's 1296 x 968, some were resized to the depth's 640 x 480.
  const bool small = k[2] < 400;
  return {small ? 640 : 1296, small ? 480 : 968, k[0], k[5], k[2] + 0.5, k[6] + 0.5};
}

bool is_known(const std::vector<double>& matrix) {
  for (const double value : matrix) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}

void read_frames(const std::string& folder, Sequence& sequence) {
  const Camera camera = colour_camera(folder);
  for (const std::string& name : files_in(folder + "/color", {".jpg", ".png"})) {
    const std::string number = name.substr(0, name.rfind('.'));
    const std::string pose_file = folder + "/pose/" + number + ".txt";
    if (!is_file(pose_file)) continue;
    const std::vector<double> matrix = read_numbers(pose_file, 16);
    if (!is_known(matrix)) continue;  // where tracking was lost
    const Rigid world_from_cam = rigid_from(matrix.data());
    if (!is_pose(world_from_cam)) throw IoError(pose_file, "holds no pose");
    Frame frame{.image = folder + "/color/" + name,
                .camera = placed(camera, inverse(world_from_cam))};
    const std::string depth = folder + "/depth/" + number + ".png";
    if (camera.fx_px > 0 && is_file(depth)) frame.depth = {.path = depth, .values_per_unit = 1000};
    sequence.frames.push_back(std::move(frame));
  }
}

std::string sens_file(const std::string& folder) {
  return folder + "/" + sequence_name(folder, ".") + ".sens";
}

void read_container(const std::string& path, Sequence& sequence) {
  const SensFile sens = read_sens(path);
  const auto& k = sens.colour_intrinsic;
  const Camera camera{
      sens.colour_width_px, sens.colour_height_px, k[0], k[5], k[2] + 0.5, k[6] + 0.5};
  for (const SensFile::Frame& each : sens.frames) {
    if (!is_known({each.world_from_cam.begin(), each.world_from_cam.end()})) continue;
    const Rigid world_from_cam = rigid_from(each.world_from_cam.data());
    if (!is_pose(world_from_cam)) throw IoError(path, "holds a matrix that is no pose");
    Frame frame{.image = path,
                .image_at = each.colour_at,
                .image_bytes = each.colour_bytes,
                .camera = placed(camera, inverse(world_from_cam))};
    if (sens.has_depth) {
      frame.depth = {.path = path,
                     .format = DepthFormat::kZlib,
                     .values_per_unit = sens.depth_values_per_metre,
                     .width_px = sens.depth_width_px,
                     .height_px = sens.depth_height_px,
                     .at = each.depth_at,
                     .bytes = each.depth_bytes};
    }
    sequence.frames.push_back(std::move(frame));
  }
}

}  // namespace

Dataset load_scannet(const LoadOptions& options) {
  Dataset dataset{.name = "scannet"};
  const auto is_scene = [](const std::string& folder) {
    return (is_folder(folder + "/color") && is_folder(folder + "/pose")) ||
           is_file(sens_file(folder));
  };
  const std::vector<std::string> all =
      sequence_folders(options.root, "color/ and pose/ or <scene>.sens", is_scene);
  const bool some = options.split != "all" && all.size() > kScenes;
  const size_t step = some ? all.size() / kScenes : 1;
  for (size_t i = 0; i < all.size(); i += step) {
    if (some && dataset.sequences.size() == kScenes) break;
    const std::string folder = options.root + "/" + all[i];
    const std::string name = sequence_name(options.root, all[i]);
    const std::string scan = folder + "/" + name + "_vh_clean_2.ply";
    dataset.sequences.push_back(read_sequence({.name = name,
                                               .category = "scannet",
                                               .trust = "sensor tracking",
                                               .units_per_metre = 1,
                                               .scan = {.path = is_file(scan) ? scan : ""}},
                                              [&](Sequence& sequence) {
                                                is_folder(folder + "/color")
                                                    ? read_frames(folder, sequence)
                                                    : read_container(sens_file(folder), sequence);
                                              }));
  }
  return dataset;
}

}  // namespace vggt::datasets
