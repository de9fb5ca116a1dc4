// SPDX-License-Identifier: Apache-2.0
#include "src/io/tum.h"

#include "src/io/binary_file.h"
#include "src/io/text_file.h"

#include <cmath>

namespace vggt {

void write_tum(const std::string& path, const std::vector<TumPose>& poses) {
  BinaryWriter file(path);
  std::string line = "# timestamp tx ty tz qx qy qz qw (world from camera, OpenCV axes)\n";
  file.bytes(line.data(), line.size());
  for (const TumPose& pose : poses) {
    line = number_text(pose.timestamp);
    for (const double coordinate : pose.centre_in_world) line += ' ' + number_text(coordinate);
    for (const double component : pose.rotation_xyzw) line += ' ' + number_text(component);
    line += '\n';
    file.bytes(line.data(), line.size());
  }
  file.close();
}

std::vector<TumPose> read_tum(const std::string& path) {
  // Files with four digits are about; what is further off is no rotation.
  constexpr double kTolerance = 1e-2;
  TextReader file(path);
  std::vector<TumPose> poses;
  while (file.next_record()) {
    TumPose pose;
    pose.timestamp = file.number("timestamp");
    for (double& coordinate : pose.centre_in_world) coordinate = file.number("tx ty tz");
    double square = 0;
    for (double& component : pose.rotation_xyzw) {
      component = file.number("qx qy qz qw");
      square += component * component;
    }
    file.expect_line_end();
    if (!(std::abs(std::sqrt(square) - 1) < kTolerance)) {
      file.fail("qx qy qz qw is of length " + number_text(std::sqrt(square)) + ", not of length 1");
    }
    poses.push_back(pose);
  }
  return poses;
}

}  // namespace vggt
