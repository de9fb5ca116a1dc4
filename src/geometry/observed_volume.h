// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include <ATen/core/Tensor.h>

namespace vggt {

/// The part of a scene that a scanner saw, as DTU tells it: cubes in a box, and the table's plane.
struct ObservedVolume {
  at::Tensor cubes;            ///< [X, Y, Z] bool: seen
  std::array<double, 3> low;   ///< of the box, and the middle of the first cube
  std::array<double, 3> high;  ///< of the box
  double cube = 1;             ///< a cube's side
  /// (n, d): a point x lies above the table where n x + d is above 0.
  std::array<double, 4> plane = {0, 0, 0, 1};

  // For points [N, 3]; [N] bool.

  /// Inside the box, its lower sides included.
  at::Tensor in_box(const at::Tensor& points) const;
  /// Nearest to the middle of a cube that was seen.
  at::Tensor seen(const at::Tensor& points) const;
  at::Tensor above(const at::Tensor& points) const;
};

}  // namespace vggt
