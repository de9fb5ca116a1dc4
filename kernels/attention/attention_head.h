// SPDX-License-Identifier: Apache-2.0
// Plain pointers, no LibTorch: shared with code compiled for instructions that a machine may lack.
#pragma once

#include <cstdint>

namespace vggt::kernels {

/// One head of one sequence or group. Strides in elements; bfloat16 as uint16_t.
template <class Value>
struct AttentionHead {
  const Value* q;  ///< [queries, head_dim], rows `q_stride` apart; k, v alike
  const Value* k;
  const Value* v;
  const float* bias;  ///< [keys], or null
  Value* out;         ///< [queries, head_dim], rows `out_stride` apart
  int64_t queries;
  int64_t keys;
  int64_t head_dim;
  int64_t q_stride;
  int64_t k_stride;
  int64_t v_stride;
  int64_t out_stride;
};

constexpr int64_t kAttentionHeadDim = 128;  ///< the largest
constexpr int64_t kAttentionChunk = 1056;   ///< most queries of one call

}  // namespace vggt::kernels
