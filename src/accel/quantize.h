// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

#include "kernels/quantized_linear/quantized_linear.h"

namespace vggt::accel {

/// How a weight matrix is turned into codes.
struct QuantScheme {
  kernels::WeightFormat format = kernels::WeightFormat::kInt8;
  int64_t group = 128;     ///< of w4: inputs that share a scale, divides their number
  bool symmetric = false;  ///< of w4: zero is code 8, the scale the largest magnitude / 7
};

/// "fp8", "int8", "w8a16", "w4a16", "w4a16-g64", "w4a16-sym", "w4a16-g32-sym". Throws ConfigError.
QuantScheme quant_scheme(const std::string& name);
std::string to_string(const QuantScheme& scheme);

/// Round to nearest, ties to even. weight [N, K], floating point and finite; K a multiple of 4 and
/// of the group. An output (w4: a group) of zeros has scale 1e-12 / 448 or / 127 (w4: 1e-5) and
/// codes that decode to zero.
///
/// w4, asymmetric: the range is widened to hold zero, scale = (max - min) / 15 >= 1e-5, zero =
/// round(-min / scale), so |w - decoded| <= scale / 2 before the scale is rounded to half. The
/// codes are made with the rounded scale. w4 scales above half's range are refused.
/// Throws ConfigError naming `name` and what is wrong with it.
kernels::QuantizedWeight quantize(const at::Tensor& weight,
                                  const QuantScheme& scheme,
                                  const std::string& name);

/// Signal to quantisation noise of the decoded matrix against `weight`, in decibels; infinite if
/// they are equal.
double sqnr_db(const kernels::QuantizedWeight& quantized, const at::Tensor& weight);

}  // namespace vggt::accel
