// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "viewer/scene/cameras.h"
#include "viewer/scene/colours.h"
#include "viewer/scene/scene.h"
#include "viewer/scene/selection.h"

namespace vggt::viewer {

/// What a picture of a scene shows.
struct Shot {
  int width = 1280;
  int height = 800;
  Rgb background = {30, 32, 36};
  int point_size = 2;
  ColourBy colour = ColourBy::kPhoto;
  Filter filter;
  std::optional<Eigen::Vector3d> up;  ///< none: guessed
  bool frusta = true;
  bool axes = false;
  double photo_opacity = 0;  ///< of the photo over the points, where `camera` is one
};

/// The scene from `look`, whose size is the picture's.
Picture draw(const Scene& scene, const Shot& shot, const Camera& look);

/// From the first look; or from photo `camera` at the photo's own size, with the photo blended over
/// the points. Throws ConfigError naming the numbers there are.
Picture shot_of(const Scene& scene, const Shot& shot, std::optional<int> camera);

/// A round of `count` pictures: one video where the path ends in .mp4, .avi or .mkv; else a picture
/// each, a.png becoming a_000.png and so on. `progress` is asked after each and may end it, which
/// throws Cancelled. Returns the files written. Throws IoError, ConfigError.
std::vector<std::string> write_turntable(const std::string& path,
                                         const Scene& scene,
                                         const Shot& shot,
                                         int count,
                                         const std::function<bool(int done)>& progress = {});

}  // namespace vggt::viewer
