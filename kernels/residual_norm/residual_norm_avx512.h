// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::kernels {

/// Rows are contiguous; bfloat16 as uint16_t.
struct ResidualNormParams {
  float* x;             ///< [rows, channels]
  const float* update;  ///< [rows, channels], or null
  const float* gamma;
  const float* weight;
  const float* bias;
  uint16_t* out;  ///< [rows, channels]
  int64_t channels;
  float eps;
};

void residual_norm_avx512(const ResidualNormParams& params, int64_t begin, int64_t end);

}  // namespace vggt::kernels
