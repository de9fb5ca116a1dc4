// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

namespace vggt {

/// One line of a trajectory file of the TUM RGB-D benchmark: where a camera stands in the world.
struct TumPose {
  double timestamp = 0;  ///< seconds, or the number of the view
  std::array<double, 3> centre_in_world = {0, 0, 0};
  std::array<double, 4> rotation_xyzw = {0, 0, 0, 1};  ///< world_from_cam, OpenCV axes, unit
};

/// Writes "timestamp tx ty tz qx qy qz qw", one line per pose; the numbers read back exactly.
/// Throws IoError.
void write_tum(const std::string& path, const std::vector<TumPose>& poses);

/// Reads such a file, comments (#) and empty lines left out. Throws IoError naming file, line and
/// field: a number is missing, too much or not finite, or the quaternion is not of length one.
std::vector<TumPose> read_tum(const std::string& path);

}  // namespace vggt
