// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "src/geometry/rigid.h"

namespace vggt::testing {

/// The rotation by `angle` (radians) about an axis of any length.
inline std::array<double, 9> rotation_about(std::array<double, 3> axis, double angle) {
  const double length = std::sqrt(axis[0] * axis[0] + axis[1] * axis[1] + axis[2] * axis[2]);
  const double c = std::cos(angle);
  const double s = std::sin(angle) / length;
  std::array<double, 9> r;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      r[3 * i + j] = (i == j ? c : 0) + (1 - c) * axis[i] * axis[j] / (length * length);
    }
  }
  r[1] -= s * axis[2];
  r[2] += s * axis[1];
  r[3] += s * axis[2];
  r[5] -= s * axis[0];
  r[6] -= s * axis[1];
  r[7] += s * axis[0];
  return r;
}

/// `count` cameras on a path that bends and rises, each turned in its own way.
inline std::vector<Camera> winding_path(int64_t count) {
  std::vector<Camera> cameras;
  for (int64_t i = 0; i < count; ++i) {
    const auto t = static_cast<double>(i);
    const Rigid world_from_cam{
        rotation_about({std::sin(2 * t), 1, 0.3 * std::cos(t)}, 0.2 + 0.31 * t),
        {2 * std::cos(0.5 * t), 0.3 * t + 0.2 * std::sin(t), 2 * std::sin(0.7 * t)}};
    cameras.push_back(placed(Camera{640, 480, 500, 500, 320, 240}, inverse(world_from_cam)));
  }
  return cameras;
}

}  // namespace vggt::testing
