// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/raycast/raycast_scene.h"
#include "src/geometry/camera.h"

namespace vggt::synthetic {

kernels::RaycastCamera raycast_camera(const Camera& camera);

/// The share of what camera `from` sees that camera `to` sees, too: of a grid of 16 x 16 places in
/// from's picture that show a surface, those that are inside to's picture and not hidden there (the
/// depth there is theirs within 2 %). 0 if from sees nothing but sky.
double overlap(const kernels::RaycastScene& scene, const Camera& from, const Camera& to);

/// Whether pairs of cameras whose overlap, the smaller of both directions, is at least `least`
/// connect all cameras. True for one camera.
bool are_connected(const kernels::RaycastScene& scene,
                   const std::vector<Camera>& cameras,
                   double least);

/// The share of a camera's picture that shows a surface farther than `nearest`, on the same grid.
double usable_share(const kernels::RaycastScene& scene, const Camera& camera, double nearest);

}  // namespace vggt::synthetic
