// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace vggt::kernels {

enum class ResidualNormOut { kBFloat16, kHalf };

/// Rows are contiguous, of up to 8192 channels.
struct ResidualNormLaunch {
  float* x = nullptr;             // [rows, channels]
  const float* update = nullptr;  // [rows, channels], or null
  const float* gamma = nullptr;
  const float* weight = nullptr;
  const float* bias = nullptr;
  void* out = nullptr;
  int64_t rows = 0;
  int64_t channels = 0;
  float eps = 0;
  ResidualNormOut out_type = ResidualNormOut::kBFloat16;
};

cudaError_t launch_residual_norm(const ResidualNormLaunch& params, cudaStream_t stream);

}  // namespace vggt::kernels
