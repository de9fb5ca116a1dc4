// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace vggt::kernels {

/// Strides count elements; the last stride of q, k, v and bias is 1; out is contiguous.
struct AttentionParams {
  const void* q = nullptr;  // bfloat16 [batch, queries, heads, head_dim]
  const void* k = nullptr;  // bfloat16 [batch, keys, heads, head_dim], v alike
  const void* v = nullptr;
  const float* bias = nullptr;         // [batch or 1, heads or 1, keys], or null
  void* out = nullptr;                 // bfloat16 [batch, queries, heads, head_dim]
  const int32_t* q_offsets = nullptr;  // [groups + 1], or null; with them batch is 1 and rows of
  const int32_t* k_offsets = nullptr;  // no group are not written
  int64_t groups = 0;
  int64_t batch = 0;
  int64_t queries = 0;
  int64_t keys = 0;
  int64_t heads = 0;
  int64_t head_dim = 0;  // a multiple of 8, at most 128
  int64_t q_stride_batch = 0;
  int64_t q_stride_token = 0;
  int64_t q_stride_head = 0;
  int64_t k_stride_batch = 0;
  int64_t k_stride_token = 0;
  int64_t k_stride_head = 0;
  int64_t v_stride_batch = 0;
  int64_t v_stride_token = 0;
  int64_t v_stride_head = 0;
  int64_t bias_stride_batch = 0;
  int64_t bias_stride_head = 0;
};

/// Needs compute capability 8.0.
cudaError_t launch_attention(const AttentionParams& params, cudaStream_t stream);

}  // namespace vggt::kernels
