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
constexpr int64_t kAttentionChunk = 96;     ///< most queries of one call

/// What the instruction sets offer. Words are of 4 bytes, all memory is aligned to 64.
template <class Value>
struct AttentionKernel {
  int64_t keys;           ///< of a block
  int64_t scratch_words;  ///< of working memory for `attend`
  /// Words of a packed block.
  int64_t (*block_words)(int64_t head_dim);
  /// Packs a block of keys, their values and biases.
  void (*pack)(const AttentionHead<Value>& head, int64_t block, uint32_t* packed);
  /// Queries [first, first + count) against all keys, whose packed blocks lie behind one another.
  void (*attend)(const AttentionHead<Value>& head,
                 int64_t first,
                 int64_t count,
                 const uint32_t* packed,
                 uint32_t* scratch);
};

}  // namespace vggt::kernels
