// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace vggt {

/// The scale at which the depth or confidence of a whole scene fits 16 bits: the 99.9th percentile
/// of its finite positive values becomes 65535. 1 if there are none.
/// maps  [S, H, W] or any other shape, float
double map_png_scale(const at::Tensor& maps);

/// Writes one map [H, W] float as a 16-bit grey PNG: value = map * scale, rounded, and 0 where the
/// map is not finite and positive. Other values stay within 1 and 65535, so that 65535 means "that
/// much or more". Throws IoError.
void write_map_png(const std::string& path, const at::Tensor& map, double scale);

/// Reads such a file: [H, W] float, value / scale, 0 for no value. Throws IoError if it is no PNG
/// of one 16-bit channel.
at::Tensor read_map_png(const std::string& path, double scale);

}  // namespace vggt
