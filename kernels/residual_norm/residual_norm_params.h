// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::kernels {

enum class ResidualNormOut { kBFloat16, kHalf };

/// What the passes of residual_norm take, on the CPU and on a GPU. Rows are contiguous.
struct ResidualNormParams {
  float* x = nullptr;             // [rows, channels]
  const float* update = nullptr;  // [rows, channels], or null
  const float* gamma = nullptr;
  const float* weight = nullptr;
  const float* bias = nullptr;
  void* out = nullptr;  // [rows, channels]
  int64_t rows = 0;
  int64_t channels = 0;
  float eps = 0;
  ResidualNormOut out_type = ResidualNormOut::kBFloat16;
};

}  // namespace vggt::kernels
