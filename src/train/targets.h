// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "src/train/batch.h"

namespace vggt::train {

/// The truth at the centres of the n = h w patches of each frame, row by row. World = frame 0.
struct PatchTargets {
  at::Tensor points;  ///< [B, S, n, 3] in the world
  at::Tensor depth;   ///< [B, S, n]; 0: none
  at::Tensor match;  ///< [B, S, S, n] long: the patch of frame j that shows what patch k of i shows
                     ///< at [b, i, j, k]; -1 where it is outside, hidden or has no depth
  at::Tensor place;  ///< [B, S, n, 2]: where it lies in frame 0, (x, y), edges at -1 and 1
  at::Tensor has_place;  ///< [B, S, n] bool: it is seen there, and the frame is not frame 0
};

/// [B, S, H, W, 3]: what each pixel shows, in the world; the camera's centre where there is no
/// depth.
at::Tensor world_points(const Batch& batch);

/// A point counts as seen where frame j's depth is its own within 5 %.
PatchTargets patch_targets(const Batch& batch, int64_t patch_size);

}  // namespace vggt::train
