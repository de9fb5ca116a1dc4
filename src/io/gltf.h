// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "src/geometry/camera.h"
#include "src/geometry/point_cloud.h"

namespace vggt {

struct GltfCamera {
  std::string name;
  Camera camera;
};

/// Writes a binary glTF 2.0 scene: the finite points with their colours, the cameras' frusta as
/// lines, and a camera node for each to look through. The nodes turn our axes (y down, z forward)
/// to glTF's (y up, z backward). Colours are linear, as glTF has them, in 8 bits: for
/// exact ones take the PLY. glTF's cameras have their principal point in the middle.
///
/// note  what every viewer should tell; becomes asset.copyright, the one text that viewers show
/// Throws IoError: the file cannot be written, or the points pass glTF's 4 GB (268 million points).
void write_glb(const std::string& path,
               const PointCloud& cloud,
               const std::vector<GltfCamera>& cameras,
               const std::string& note = "");

}  // namespace vggt
