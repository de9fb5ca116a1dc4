// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "src/geometry/point_cloud.h"

namespace vggt {

/// Some points of a cloud as a page carries them, nine bytes each.
struct PagePoints {
  int64_t count = 0;
  std::array<double, 3> centre = {0, 0, 0};  ///< position = centre + step * (three int16)
  std::array<double, 3> step = {1, 1, 1};
  std::vector<uint8_t> bytes;  ///< count x 3 int16, little-endian, then count x RGB
};

/// At most `most` points: one of each of `most` equal stretches of the cloud, so evenly from all
/// frames and pixels, drawn by a fixed rule. They are in such an order that each beginning of it is
/// again an even draw. Left out are points that are not finite and those farther outside the 1st to
/// 99th percentile of an axis than half their distance.
PagePoints draw_page_points(const PointCloud& cloud, int64_t most);

/// RFC 4648, with padding.
std::string base64(const uint8_t* bytes, size_t size);

}  // namespace vggt
