// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/geometry/camera.h"
#include "src/geometry/point_cloud.h"
#include "src/pipeline/pixel_map.h"

namespace vggt {

/// One photo of a reconstruction.
struct View {
  std::string name;  ///< the photo's file name
  PixelMap map;
  Camera camera;  ///< of the network input; map.stored_camera(camera) is the photo's
};

/// What the engine makes of a set of photos. World = the first camera's frame; the scale is
/// arbitrary. Tensors are on the CPU, float32 and contiguous.
struct Reconstruction {
  std::vector<View> views;
  at::Tensor images;      ///< [S, 3, H, W] in [0, 1], the network input
  at::Tensor depth;       ///< [S, H, W] along the optical axis, scene units
  at::Tensor confidence;  ///< [S, H, W], above 1, unbounded
  at::Tensor
      mask;  ///< [S, H, W] bool, false where the user's mask hides a pixel; undefined: all count
  PointCloud points;  ///< the pixels that passed the point filter
  std::string note;   ///< what every output must say, such as synthetic weights; mostly empty
};

}  // namespace vggt
