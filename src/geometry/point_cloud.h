// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt {

/// Coloured points, each seen from one pixel of one frame. All tensors are on the CPU and
/// contiguous.
struct PointCloud {
  at::Tensor position;    ///< [N, 3] float, world, scene units
  at::Tensor colour;      ///< [N, 3] uint8, RGB
  at::Tensor confidence;  ///< [N] float, above 1, unbounded
  at::Tensor frame;       ///< [N] int32, index of the frame
  at::Tensor pixel;       ///< [N, 2] int32, (x, y), indices in the frame's network input
  at::Tensor normal;      ///< [N, 3] float, unit, towards the camera; undefined without

  int64_t size() const { return position.defined() ? position.size(0) : 0; }
};

}  // namespace vggt
