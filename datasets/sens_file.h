// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace vggt::datasets {

/// What stands in a ScanNet .sens file, but the pictures themselves.
struct SensFile {
  std::array<float, 16> colour_intrinsic = {};  ///< 4 x 4, row-major, of pixel centres
  int64_t colour_width_px = 0;
  int64_t colour_height_px = 0;
  bool has_depth = false;  ///< and it is compressed by zlib, as in all of ScanNet
  int64_t depth_width_px = 0;
  int64_t depth_height_px = 0;
  double depth_values_per_metre = 1000;

  struct Frame {
    std::array<double, 16> world_from_cam = {};  ///< not finite where tracking was lost
    uint64_t colour_at = 0;                      ///< of a whole JPEG or PNG, in the file
    uint64_t colour_bytes = 0;
    uint64_t depth_at = 0;
    uint64_t depth_bytes = 0;
  };
  std::vector<Frame> frames;
};

/// Reads a file of version 4, passing over its pictures. Throws IoError: another version, pictures
/// that are neither JPEG nor PNG, or cut off.
SensFile read_sens(const std::string& path);

}  // namespace vggt::datasets
