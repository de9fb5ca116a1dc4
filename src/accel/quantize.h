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

/// The steps of quantize(), for those who round in another way. Values [.., n] that share a scale
/// (w4: a group, else an output's whole row) along the last axis; grids have the shape before it.
struct QuantGrid {
  at::Tensor scales;  ///< in the dtype of the values, but as they are kept
  at::Tensor zeros;   ///< w4: 0 to 15; else undefined
};
QuantGrid quant_grid(const at::Tensor& values, const QuantScheme& scheme, const std::string& name);
at::Tensor encode(const at::Tensor& values, const QuantGrid& grid, const QuantScheme& scheme);
at::Tensor decode(const at::Tensor& codes, const QuantGrid& grid, const QuantScheme& scheme);
/// Codes [N, K] with grids [N, K / group] (w4) or [N].
kernels::QuantizedWeight packed(const at::Tensor& codes,
                                const QuantGrid& grid,
                                const QuantScheme& scheme);
/// Throws ConfigError naming `name` if quantize() would.
void check_quantizable(const at::Tensor& weight,
                       const QuantScheme& scheme,
                       const std::string& name);

/// The matrix that a layer computes with, what is done to its inputs taken into it: [N, K].
at::Tensor effective_weight(const kernels::QuantizedWeight& quantized, at::ScalarType dtype);

/// Signal to quantisation noise of effective_weight() against `weight`, in decibels;
/// infinite if they are equal.
double sqnr_db(const kernels::QuantizedWeight& quantized, const at::Tensor& weight);

}  // namespace vggt::accel
