// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/accel/quantize.h"

namespace vggt::calibrate {

/// Sums over the rows of calibration, in double, [K, K].
struct Moments {
  at::Tensor gram;   ///< sum of q q^T, q the inputs that the quantised layers before give
  at::Tensor cross;  ///< sum of f q^T, f those of the full-precision model
  void add(const at::Tensor& full, const at::Tensor& quantized);  ///< rows [M, K]
};

/// The weight that on the inputs q comes nearest to what `weight` gives on f, in least squares: it
/// makes up for what the layers before lost.
at::Tensor retargeted(const at::Tensor& weight, const Moments& moments);

/// Rounds a column at a time and takes each column's error out of those to come, as the inputs'
/// second moments say (Frantar et al., "GPTQ", ICLR 2023; columns in their order). The diagonal is
/// raised by a hundredth of its mean; inputs that are always zero are left alone.
/// Throws ConfigError as accel::quantize() does, or naming `name` if the moments are not finite.
kernels::QuantizedWeight gptq(const at::Tensor& weight,
                              const at::Tensor& gram,
                              const accel::QuantScheme& scheme,
                              const std::string& name);

}  // namespace vggt::calibrate
