// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <ATen/core/Tensor.h>

namespace vggt::datasets {

enum class DepthFormat {
  kPng,      ///< 16-bit whole numbers
  kHalfPng,  ///< a 16-bit PNG whose bits are those of float16 (CO3D)
  kNumpy,    ///< .npy of [H, W] floating point (DTU)
  kPfm,      ///< portable float map (DTU)
  kRaw,      ///< float32 after float32, of a size that is known (ETH3D)
  kZlib,     ///< compressed 16-bit whole numbers within a file, of a size that is known (.sens)
};

/// Where the true depth of a photo is. depth = value / values_per_unit, along the optical axis.
struct DepthFile {
  std::string path;
  DepthFormat format = DepthFormat::kPng;
  double values_per_unit = 1;
  double nearest = 0;     ///< depths up to this are none, in scene units
  double farthest = 0;    ///< depths from this on are none; 0: all count
  int64_t width_px = 0;   ///< of kRaw and kZlib
  int64_t height_px = 0;  ///< of kRaw and kZlib
  uint64_t at = 0;        ///< of kZlib: where in the file
  uint64_t bytes = 0;     ///< of kZlib
  /// What is done to the map [H, W] then, such as a mask or the way to the photo's pixels; empty:
  /// nothing.
  std::function<at::Tensor(const at::Tensor&)> then;
};

/// [H, W] float on the CPU, 0 where there is no depth. Throws IoError.
at::Tensor read_depth(const DepthFile& file);

/// The map without what a mask hides: its picture is brought to the map's size by its nearest pixels,
/// those above half of full white are shown, without the outermost of them: where any pixel of the
/// `eroded_px` x `eroded_px` around one is hidden, so is this. Throws IoError.
at::Tensor masked_depth(const at::Tensor& depth, const std::string& mask, int64_t eroded_px);

/// The map of a camera whose focal length is `ratio` times that of the given map's, by the nearest
/// pixels; both look the same way, through the middle of their pictures.
at::Tensor zoomed_depth(const at::Tensor& depth, double ratio);

/// A grey portable float map, [H, W] float, the upper row first. Throws IoError: not one, of a size
/// that does not fit the file, or big-endian.
at::Tensor read_pfm(const std::string& path);

}  // namespace vggt::datasets
