// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/accel/quantize.h"

namespace vggt::calibrate {

/// What is done to a layer's inputs before they meet the codes, and the inverse of it to the columns
/// of its weight. Without it both are left alone.
struct InputTransform {
  at::Tensor signs;  ///< int8 [K] of 1 and -1: times them, then hadamard(); or undefined
  at::Tensor scale;  ///< float [K]: columns times it, inputs divided by it; or undefined
};

/// The weight with the inverse in its columns, [N, K] float.
at::Tensor transformed_weight(const at::Tensor& weight, const InputTransform& transform);

/// Rounded to the nearest codes. Throws ConfigError as accel::quantize() does.
kernels::QuantizedWeight coded(const at::Tensor& weight,
                               const accel::QuantScheme& scheme,
                               const InputTransform& transform,
                               const std::string& name);

/// max|x|^alpha / max|w|^(1 - alpha) of each input, both at least 1e-5 (Xiao et al., "SmoothQuant",
/// ICML 2023). largest [K]; weight [N, K].
at::Tensor smoothing_scale(const at::Tensor& largest, const at::Tensor& weight, double alpha = 0.5);

/// mean|x|^ratio of each input, at least 1e-4, divided by sqrt(max min) (Lin et al., "AWQ", MLSys
/// 2024). mean [K].
at::Tensor awq_scale(const at::Tensor& mean, double ratio);
constexpr int kAwqRatios = 20;  ///< 0, 1 / 20, ... 19 / 20

/// int8 [K] of 1 and -1, the same on every machine.
at::Tensor random_signs(int64_t count, uint64_t seed);

}  // namespace vggt::calibrate
