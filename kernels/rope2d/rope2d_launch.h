// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace vggt::kernels {

enum class Rope2dOut { kFloat, kBFloat16, kHalf };

/// Strides count elements; the last stride of x and the strides inside a table row are 1; out is
/// contiguous.
struct Rope2dParams {
  const float* x = nullptr;    // [batch, tokens, heads, head_dim]
  const float* cos = nullptr;  // [batch or 1, tokens, head_dim / 2]
  const float* sin = nullptr;
  void* out = nullptr;
  int64_t batch = 0;
  int64_t tokens = 0;
  int64_t heads = 0;
  int64_t head_dim = 0;
  int64_t stride_batch = 0;
  int64_t stride_token = 0;
  int64_t stride_head = 0;
  int64_t table_stride_batch = 0;
  Rope2dOut out_type = Rope2dOut::kFloat;
};

cudaError_t launch_rope2d(const Rope2dParams& params, cudaStream_t stream);

}  // namespace vggt::kernels
