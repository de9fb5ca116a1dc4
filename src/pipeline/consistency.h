// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "src/pipeline/reconstruction.h"

namespace vggt {

struct ConsistencyOptions {
  /// Depths are the same if they differ by less than this share.
  double depth_tolerance = 0.05;
  /// Each photo is compared with this many others, those that have most of its points in the
  /// picture: so the time grows with the number of photos and not with its square.
  int64_t compared = 24;
};

/// How far the other photos agree that there is a surface where a pixel's depth puts it: the number
/// of those that see it at its depth, less those that see through it to something behind. Photos
/// where something nearer hides the place, or that do not show it, say nothing. So a second wall
/// behind the true one, as misplaced cameras make it, has few for it, and one before it many
/// against it.
/// surface  [S, H, W] bool: pixels that have a depth; only these are asked and answer
/// Returns [S, H, W] int16; 0 where `surface` is false.
at::Tensor agreement(const Reconstruction& reconstruction,
                     const at::Tensor& surface,
                     const ConsistencyOptions& options = {});

}  // namespace vggt
