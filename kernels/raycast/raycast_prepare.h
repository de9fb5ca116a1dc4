// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/raycast/raycast_scene.h"
#include "kernels/raycast/raycast_trace.h"

namespace vggt::kernels::raycast_detail {

/// A scene as rays need it, computed in float64: solids as each view sees them, and which of them
/// are near which place.
struct Prepared {
  std::vector<Solid> solids;  ///< rooms first
  std::vector<int32_t> primitive_of_solid;
  std::vector<SeenView> views;
  std::vector<SeenSolid> seen;
  Columns in_sun{};
  Columns upright{};
  std::vector<int32_t> in_sun_starts, in_sun_solids;
  std::vector<int32_t> upright_starts, upright_solids;
  int32_t room_count = 0;
};

/// The solids and the views, without what shading needs.
/// height_px, width_px  of the pictures; 0: rays may go anywhere
Prepared prepare_views(const RaycastScene& scene,
                       const std::vector<RaycastCamera>& cameras,
                       int64_t height_px,
                       int64_t width_px);

/// All of it.
Prepared prepare(const RaycastScene& scene,
                 const std::vector<RaycastCamera>& cameras,
                 int64_t height_px,
                 int64_t width_px);

}  // namespace vggt::kernels::raycast_detail
