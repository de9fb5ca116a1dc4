// SPDX-License-Identifier: Apache-2.0
#include "viewer/saves.h"

#include "viewer/scene/ply_file.h"

#include <cstdio>
#include <filesystem>

namespace vggt::viewer {

std::string free_name(const std::string& stem, const std::string& ending) {
  for (int k = 1;; ++k) {
    char number[16];
    std::snprintf(number, sizeof(number), "_%03d", k);
    const std::string path = stem + number + ending;
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return path;
  }
}

std::string save_points(const OpenScene& open, bool as_glb) {
  const std::string path = free_name("vggt_view", as_glb ? ".glb" : ".ply");
  Selection all;
  select(open.scene.points, open.view.filter, open.confidences, open.scene.points.size(), all);
  (as_glb ? write_glb_points : write_ply_points)(
      path, open.scene.points, all.chosen, open.view.metres_per_scene_unit);
  return "saved " + path + ": " + std::to_string(all.chosen.size()) + " points";
}

std::string save_view(const OpenScene& open) {
  const std::string path = view_settings_path(open.scene);
  if (path.empty()) return "only results of 'vggt reconstruct' keep thresholds";
  write_view_settings(path, open.view);
  return "saved " + path;
}

Shot shot_of_session(const Session& session) {
  return {.background = session.user.background,
          .point_size = session.user.point_size,
          .colour = session.user.colour,
          .filter = session.first ? session.first->view.filter : Filter(),
          .up = session.up(),
          .frusta = session.shows_cameras};
}

}  // namespace vggt::viewer
