// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace vggt::kernels {

enum class TokenType { kFloat, kBFloat16, kHalf };

/// The last strides are 1, outputs contiguous.
struct TokenMergeParams {
  const void* x = nullptr;                  // [rows, maps * width], rows `x_stride` elements apart
  const int32_t* map_offsets = nullptr;     // [maps + 1]
  const int32_t* member_offsets = nullptr;  // [slots + 1]
  const int32_t* members = nullptr;
  const float* weight = nullptr;  // per member, or null
  void* y = nullptr;              // [slots, width]
  int64_t x_stride = 0;
  int64_t slots = 0;
  int64_t maps = 0;
  int64_t width = 0;
  TokenType type = TokenType::kFloat;
};

struct TokenUnmergeParams {
  const void* y = nullptr;           // [slots, width], rows `y_stride` elements apart
  const int32_t* slot_of = nullptr;  // [maps, rows]
  void* z = nullptr;                 // [rows, maps * width]
  int64_t y_stride = 0;
  int64_t rows = 0;
  int64_t maps = 0;
  int64_t width = 0;
  TokenType type = TokenType::kFloat;
};

cudaError_t launch_token_merge(const TokenMergeParams& params, cudaStream_t stream);
cudaError_t launch_token_unmerge(const TokenUnmergeParams& params, cudaStream_t stream);

}  // namespace vggt::kernels
