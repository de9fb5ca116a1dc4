// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>

#include "viewer/scene/colours.h"
#include "viewer/scene/scene.h"

namespace vggt::viewer {

/// What belongs to a result: the thresholds that suit it, and how it lies in the world. Kept in its
/// view.json.
struct ViewSettings {
  Filter filter;                     ///< last_frame is not kept
  std::array<double, 3> up{};        ///< zero: guessed from the cameras
  double metres_per_scene_unit = 1;  ///< by a measured length
  bool is_metric = false;            ///< whether a length was given
};

/// What belongs to the user: kept between runs.
struct UserSettings {
  int width = 1280;
  int height = 800;
  Rgb background = {30, 32, 36};
  int point_size = 2;
  ColourBy colour = ColourBy::kPhoto;
};

/// view.json of a result: {"drop_percent", "edges", "crop": {"low", "high"}, "up",
/// "metres_per_scene_unit"}. What is not there, or null, is as in `fallback`. Throws IoError naming
/// file and field. An empty path gives `fallback`.
ViewSettings read_view_settings(const std::string& path, const ViewSettings& fallback);
/// The view.json of a result; empty for what is none.
std::string view_settings_path(const Scene& scene);

/// Throws IoError; what was there stays whole until the new file is.
void write_view_settings(const std::string& path, const ViewSettings& settings);

/// $XDG_CONFIG_HOME/vggt/viewer.json, else ~/.config/vggt/viewer.json; empty without either.
std::string user_settings_path();
/// Defaults where there is no such file, or it cannot be understood: that must not keep a viewer
/// from opening.
UserSettings read_user_settings(const std::string& path);
void write_user_settings(const std::string& path, const UserSettings& settings);

}  // namespace vggt::viewer
