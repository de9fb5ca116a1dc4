// SPDX-License-Identifier: Apache-2.0
// Several rays of one view at once on the CPU: the same numbers as first_solid() gives one by one.
#pragma once

#include <vector>

#include "kernels/raycast/raycast_trace.h"

namespace vggt::kernels::raycast_detail {

/// A ray by its pixel coordinates, and the first solid that it meets: its position in the view's
/// list, or -1, and the depth there.
struct Ray {
  float x = 0;
  float y = 0;
  int32_t first = -1;
  float depth = 0;
};

/// Finds what each ray meets; fastest if neighbours in the list are neighbours in the picture.
/// candidates  positions in the view's list in ascending order
void trace_rays(const SeenSolid* seen,
                const SeenView& view,
                const std::vector<int32_t>& candidates,
                std::vector<Ray>* rays);

}  // namespace vggt::kernels::raycast_detail
