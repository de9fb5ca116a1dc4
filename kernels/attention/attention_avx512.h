// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::kernels {

/// One head of one sequence. Strides in elements; bfloat16 as uint16_t.
struct AttentionHead {
  const uint16_t* q;  ///< [queries, head_dim], rows `q_stride` apart; k, v alike
  const uint16_t* k;
  const uint16_t* v;
  uint16_t* out;  ///< rows `out_stride` apart
  int64_t queries;
  int64_t keys;
  int64_t head_dim;  ///< even, at most 64
  int64_t q_stride;
  int64_t k_stride;
  int64_t v_stride;
  int64_t out_stride;
};

constexpr int64_t kAttentionKeys = 512;    ///< keys per block
constexpr int64_t kAttentionQueries = 96;  ///< queries per block

/// Words of packed keys and values of one head, and of scratch for attention_block, each aligned to
/// 64 bytes.
int64_t attention_packed_words(const AttentionHead& head);
int64_t attention_scratch_words();

/// Packs keys [block * kAttentionKeys, + kAttentionKeys) and their values.
void attention_pack(const AttentionHead& head, int64_t block, uint32_t* packed);

/// Queries [block * kAttentionQueries, + kAttentionQueries) against all keys.
void attention_block(const AttentionHead& head,
                     int64_t block,
                     const uint32_t* packed,
                     uint32_t* scratch);

}  // namespace vggt::kernels
