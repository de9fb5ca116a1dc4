// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/camera.h"

namespace vggt {

std::array<double, 3> Camera::centre_in_world() const {
  std::array<double, 3> centre{};
  for (int column = 0; column < 3; ++column) {
    for (int row = 0; row < 3; ++row)
      centre[column] -= rotation[3 * row + column] * translation[row];
  }
  return centre;
}

}  // namespace vggt
