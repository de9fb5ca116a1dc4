// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

namespace vggt::datasets {

enum class DepthFormat {
  kPng,      ///< 16-bit whole numbers
  kHalfPng,  ///< a 16-bit PNG whose bits are those of float16 (CO3D)
  kNumpy,    ///< .npy of [H, W] floating point (DTU)
  kPfm,      ///< portable float map (DTU)
};

/// Where the true depth of a photo is. depth = value / values_per_unit, along the optical axis.
struct DepthFile {
  std::string path;
  DepthFormat format = DepthFormat::kPng;
  double values_per_unit = 1;
  double nearest = 0;   ///< depths up to this are none, in scene units
  double farthest = 0;  ///< depths from this on are none; 0: all count
};

/// [H, W] float on the CPU, 0 where there is no depth. Throws IoError.
at::Tensor read_depth(const DepthFile& file);

/// A grey portable float map, [H, W] float, the upper row first. Throws IoError: not one, of a size
/// that does not fit the file, or big-endian.
at::Tensor read_pfm(const std::string& path);

}  // namespace vggt::datasets
