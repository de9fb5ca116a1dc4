// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "src/geometry/camera.h"

namespace vggt {

/// One photo of a scene whose cameras are known.
struct SceneFrame {
  std::string file;   ///< the photo, relative to images/ of the scene's folder, with '/'
  std::string depth;  ///< 16-bit PNG of the photo's size, relative to the folder; empty: none
  Camera camera;
};

/// A scene with known cameras, as its folder holds it: images/, cameras.json, and depth/ if depth
/// is known. The frames are in the order they were taken; photos are undistorted.
struct SceneCameras {
  bool metric_scale = false;  ///< translations are metres, or the unit of the benchmark
  std::string pose_source;    ///< where the poses are from, in words
  /// Values of the depth files per scene unit; depth is along the optical axis, 0 = none. 0 where
  /// no frame has depth.
  double depth_scale = 0;
  std::vector<SceneFrame> frames;
};

/// Reads folder/cameras.json; whether the photos are there is not looked at, and unknown keys are
/// passed over. Throws IoError naming file, frame and field: no JSON, a value that is missing, of
/// another type or not usable, another convention, a rotation that is not orthonormal to 1e-12 or
/// is a reflection, depth without depth_scale.
SceneCameras read_scene_cameras(const std::string& folder);

/// Writes folder/cameras.json; the numbers read back exactly. What is not UTF-8 in a name becomes
/// U+FFFD, since JSON cannot hold it. Throws IoError, also for what read_scene_cameras() refuses.
void write_scene_cameras(const std::string& folder, const SceneCameras& scene);

}  // namespace vggt
