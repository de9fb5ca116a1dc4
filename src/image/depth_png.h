// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace vggt {

/// The scale at which the depth of a whole scene fits 16 bits: the 99.9th percentile of its finite
/// positive values becomes 65535. 1 if there are none.
/// depth  [S, H, W] or any other shape, float
double depth_png_scale(const at::Tensor& depth);

/// Writes one depth map [H, W] float as a 16-bit grey PNG: value = depth * scale, rounded, and 0
/// where the depth is not finite and positive. Other depths stay within 1 and 65535, so that
/// 65535 means "that far or farther". Throws IoError.
void write_depth_png(const std::string& path, const at::Tensor& depth, double scale);

/// Reads such a file: [H, W] float, value / scale, 0 for no depth. Throws IoError if it is no PNG
/// of one 16-bit channel.
at::Tensor read_depth_png(const std::string& path, double scale);

}  // namespace vggt
