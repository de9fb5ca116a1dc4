// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::kernels {

/// Heads of 64 channels; sizes and strides in elements, bfloat16 as uint16_t.
struct SplitHeadsParams {
  const float* packed;  ///< [tokens, 3 heads 64]
  const float* q_weight;
  const float* q_bias;
  const float* k_weight;
  const float* k_bias;
  const float* cos;  ///< [tokens of a table, 32]
  const float* sin;
  uint16_t* q;  ///< [batch, tokens, heads, 64]
  uint16_t* k;
  uint16_t* v;
  int64_t tokens;  ///< of a batch entry
  int64_t heads;
  int64_t batch_stride;  ///< of q, k and v
  int64_t table_stride;  ///< of cos and sin from one batch entry to the next, 0: they share one
  float q_eps;
  float k_eps;
};

/// Tokens [begin, end), counted over the whole batch.
void split_heads_avx512(const SplitHeadsParams& params, int64_t begin, int64_t end);

}  // namespace vggt::kernels
