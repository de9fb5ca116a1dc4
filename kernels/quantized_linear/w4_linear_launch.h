// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace vggt::kernels {

/// y = act(x W^T + b), W of 4-bit codes (WeightFormat::kW4), on a GPU.
struct W4LinearParams {
  const void* x;         ///< [rows, in], bfloat16, or half with `half`; aligned to 16 bytes
  const uint8_t* codes;  ///< [out, in / 2]
  const void* scales;    ///< half [out, in / group]
  const uint8_t* zeros;  ///< [out, in / group]
  const float* bias;     ///< [out], or null
  void* y;               ///< [rows, out], float with `y_is_float`, else the type of x
  int64_t rows;
  int64_t in;  ///< a multiple of 16
  int64_t out;
  int64_t group;  ///< a multiple of 16
  bool half;
  bool gelu;
  bool y_is_float;
};

/// From this many rows on, decoding W once and LibTorch's product are taken instead. Not measured
/// yet: the least number of rows that fills a tile four times.
constexpr int64_t kMostW4Rows = 256;

/// Needs sm_80.
cudaError_t launch_w4_linear(const W4LinearParams& params, cudaStream_t stream);

/// W alone, [out, in] in the type of x, into y. Any architecture.
cudaError_t launch_w4_decode(const W4LinearParams& params, cudaStream_t stream);

}  // namespace vggt::kernels
