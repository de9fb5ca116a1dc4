// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "kernels/raycast/raycast_scene.h"
#include "src/geometry/camera.h"
#include "src/synthetic/random.h"

namespace vggt::synthetic {

/// Points of surfaces and where each frame sees them.
struct Tracks {
  at::Tensor points;   ///< [N, 3] double, in the world
  at::Tensor pixels;   ///< [S, N, 2] float, (x, y); far outside for points behind the camera
  at::Tensor visible;  ///< [S, N] bool: inside the picture, and nothing in front
};

/// Points at drawn pixel centres of frame `query`, which all show a surface there; fewer than
/// `count` if the frame shows sky alone (then none). Visibility is by a ray of its own to each
/// point, not by the frame's depth map.
/// depth  [H, W] float on the CPU, of frame `query`
Tracks make_tracks(const kernels::RaycastScene& scene,
                   const std::vector<Camera>& cameras,
                   size_t query,
                   const at::Tensor& depth,
                   int64_t count,
                   Random random);

}  // namespace vggt::synthetic
