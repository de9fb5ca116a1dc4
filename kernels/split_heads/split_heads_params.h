// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::kernels {

enum class SplitHeadsOut { kBFloat16, kHalf };

/// What the passes of split_heads take, on the CPU and on a GPU. Strides count elements.
struct SplitHeadsParams {
  const float* packed = nullptr;  // [batch tokens, 3 heads head_dim], contiguous
  const float* q_weight = nullptr;
  const float* q_bias = nullptr;
  const float* k_weight = nullptr;
  const float* k_bias = nullptr;
  const float* cos = nullptr;  // [batch or 1, tokens, head_dim / 2]
  const float* sin = nullptr;
  void* q = nullptr;  // [batch, tokens, heads, head_dim], tokens contiguous
  void* k = nullptr;
  void* v = nullptr;
  int64_t batch = 0;
  int64_t tokens = 0;
  int64_t heads = 0;
  int64_t head_dim = 0;
  int64_t batch_stride = 0;  // of q, k and v
  int64_t table_stride = 0;  // of cos and sin from one batch entry to the next, 0: they share one
  float q_eps = 0;
  float k_eps = 0;
  SplitHeadsOut out_type = SplitHeadsOut::kBFloat16;
};

}  // namespace vggt::kernels
