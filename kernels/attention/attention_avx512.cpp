// SPDX-License-Identifier: Apache-2.0
// Blocks of 96 queries meet blocks of 512 keys. Six queries at a time: logits with 64 keys in
// registers (six rows of four vectors), softmax on 6 x 512 in the first-level cache, then the
// product with the values in registers again. A block of keys and values, packed 128 KB at a head
// size of 64, stays in the second-level cache while 16 groups of queries pass.
// Per query and key: 4 D operations by vdpbf16ps and about 12 of softmax, which at D = 64 leaves
// some 80 % of the peak.
#include "kernels/attention/attention_avx512.h"

#include <cmath>

#include "kernels/common/avx512_bf16.h"

namespace vggt::kernels {
namespace {

using avx512::kColumns;
using avx512::kRows;

constexpr int64_t kGroups = kAttentionQueries / kRows;
constexpr float kInfinity = INFINITY;

struct BlockState {
  float logits[kRows][kAttentionKeys];
  uint16_t weights[kRows][kAttentionKeys];
  float out[kAttentionQueries][kColumns];
  float largest[kAttentionQueries];  ///< of the logits so far, times the scale
  float mass[kAttentionQueries];     ///< sum of the weights so far
};

// Panels of one block: keys as [64 keys at a time][head_dim / 2][64], values as [keys / 2][64].
int64_t key_words(int64_t head_dim) { return kAttentionKeys * head_dim / 2; }
int64_t block_words(int64_t head_dim) {
  return key_words(head_dim) + kAttentionKeys / 2 * kColumns;
}

// 2^x for x <= 0, relative error 4e-6 (the result is rounded to 8 bits); NaN stays NaN.
inline __m512 exp2(__m512 x) {
  x = _mm512_max_ps(_mm512_set1_ps(-200.F), x);  // a NaN in the second operand is kept
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 rest = _mm512_sub_ps(x, whole);
  __m512 p = _mm512_set1_ps(0.0096181291F);
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.0555041087F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.2402265069F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.6931471806F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(1.F));
  return _mm512_scalef_ps(p, whole);
}

// logits = q k^T of six queries and one block of keys; `largest` their maxima per lane.
void multiply_keys(const uint32_t* const* queries,
                   const uint32_t* panels,
                   int64_t head_dim,
                   int64_t keys,
                   BlockState& state,
                   __m512 (&largest)[kRows]) {
  const int64_t pairs = head_dim / 2;
  for (__m512& x : largest) x = _mm512_set1_ps(-kInfinity);
  for (int64_t key = 0; key < keys; key += kColumns) {
    avx512::Sums sums;
    for (auto& row : sums) {
      for (__m512& sum : row) sum = _mm512_setzero_ps();
    }
    avx512::multiply<4>(queries, panels + key * pairs, pairs, sums);
    if (keys - key < kColumns) {
      for (auto& row : sums) {
        for (int64_t c = 0; c < 4; ++c) {
          const __mmask16 inside = avx512::lanes(keys - key - 16 * c);
          row[c] = _mm512_mask_mov_ps(_mm512_set1_ps(-kInfinity), inside, row[c]);
        }
      }
    }
#pragma GCC unroll 6
    for (int64_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int64_t c = 0; c < 4; ++c) {
        _mm512_store_ps(&state.logits[r][key + 16 * c], sums[r][c]);
      }
      largest[r] = _mm512_max_ps(largest[r],
                                 _mm512_max_ps(_mm512_max_ps(sums[r][0], sums[r][1]),
                                               _mm512_max_ps(sums[r][2], sums[r][3])));
    }
  }
}

// The weights of row r, relative to its new maximum, rounded to bfloat16; returns their sum.
float exponentiate(BlockState& state, int64_t r, int64_t padded, float scale, float maximum) {
  const __m512 factor = _mm512_set1_ps(scale);
  const __m512 shift = _mm512_set1_ps(maximum);
  __m512 sum0 = _mm512_setzero_ps();
  __m512 sum1 = _mm512_setzero_ps();
  for (int64_t key = 0; key < padded; key += 32) {
    const float* logits = &state.logits[r][key];
    const __m512 low = exp2(_mm512_fmsub_ps(_mm512_load_ps(logits), factor, shift));
    const __m512 high = exp2(_mm512_fmsub_ps(_mm512_load_ps(logits + 16), factor, shift));
    sum0 = _mm512_add_ps(sum0, low);
    sum1 = _mm512_add_ps(sum1, high);
    _mm512_store_si512(&state.weights[r][key], (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(sum0, sum1));
}

// out = keep * out + weights v
template <int kVectors>
void multiply_values(
    BlockState& state, int64_t query, const uint32_t* panel, int64_t padded, const float* keep) {
  avx512::Sums sums;
  const uint32_t* rows[kRows];
#pragma GCC unroll 6
  for (int64_t r = 0; r < kRows; ++r) {
    rows[r] = reinterpret_cast<const uint32_t*>(state.weights[r]);
#pragma GCC unroll 4
    for (int64_t c = 0; c < kVectors; ++c) {
      sums[r][c] =
          _mm512_mul_ps(_mm512_set1_ps(keep[r]), _mm512_load_ps(&state.out[query + r][16 * c]));
    }
  }
  avx512::multiply<kVectors>(rows, panel, padded / 2, sums);
#pragma GCC unroll 6
  for (int64_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int64_t c = 0; c < kVectors; ++c) {
      _mm512_store_ps(&state.out[query + r][16 * c], sums[r][c]);
    }
  }
}

void multiply_values(int64_t head_dim,
                     BlockState& state,
                     int64_t query,
                     const uint32_t* panel,
                     int64_t padded,
                     const float* keep) {
  switch ((head_dim + 15) / 16) {
    case 1:
      return multiply_values<1>(state, query, panel, padded, keep);
    case 2:
      return multiply_values<2>(state, query, panel, padded, keep);
    case 3:
      return multiply_values<3>(state, query, panel, padded, keep);
    default:
      return multiply_values<4>(state, query, panel, padded, keep);
  }
}

}  // namespace

int64_t attention_packed_words(const AttentionHead& head) {
  return (head.keys + kAttentionKeys - 1) / kAttentionKeys * block_words(head.head_dim);
}

int64_t attention_scratch_words() { return sizeof(BlockState) / sizeof(uint32_t); }

void attention_pack(const AttentionHead& head, int64_t block, uint32_t* packed) {
  const int64_t first = block * kAttentionKeys;
  const int64_t count = head.keys - first < kAttentionKeys ? head.keys - first : kAttentionKeys;
  uint32_t* panel = packed + block * block_words(head.head_dim);
  for (int64_t key = 0; key < count; key += kColumns) {
    avx512::pack_rows(head.k + (first + key) * head.k_stride,
                      head.k_stride,
                      count - key < kColumns ? count - key : kColumns,
                      head.head_dim / 2,
                      panel + key * head.head_dim / 2);
  }
  panel += key_words(head.head_dim);
  // Weights are computed for whole panels of 64 keys: those beyond the last meet zeros here.
  const int64_t padded = (count + kColumns - 1) / kColumns * kColumns;
  for (int64_t key = 0; key < padded; key += 2) {
    for (int64_t c = 0; c < kColumns; c += 16) {
      const __mmask16 mask = avx512::lanes(head.head_dim - c);
      const uint16_t* v = head.v + (first + key) * head.v_stride + c;
      const __m256i even = _mm256_maskz_loadu_epi16(key < count ? mask : 0, v);
      const __m256i odd = _mm256_maskz_loadu_epi16(key + 1 < count ? mask : 0, v + head.v_stride);
      _mm512_store_si512(panel + key / 2 * kColumns + c,
                         _mm512_or_si512(_mm512_cvtepu16_epi32(even),
                                         _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16)));
    }
  }
}

void attention_block(const AttentionHead& head,
                     int64_t block,
                     const uint32_t* packed,
                     uint32_t* memory) {
  BlockState& state = *reinterpret_cast<BlockState*>(memory);
  const float scale =
      1.44269504F / std::sqrt(static_cast<float>(head.head_dim));  // weights are powers of 2
  const int64_t first = block * kAttentionQueries;
  const int64_t count =
      head.queries - first < kAttentionQueries ? head.queries - first : kAttentionQueries;
  for (int64_t query = 0; query < kAttentionQueries; ++query) {
    state.largest[query] = -kInfinity;
    state.mass[query] = 0;
    for (float& x : state.out[query]) x = 0;
  }
  for (int64_t key = 0; key < head.keys; key += kAttentionKeys) {
    const int64_t keys = head.keys - key < kAttentionKeys ? head.keys - key : kAttentionKeys;
    const int64_t padded = (keys + kColumns - 1) / kColumns * kColumns;
    const uint32_t* panels = packed + key / kAttentionKeys * block_words(head.head_dim);
    for (int64_t query = 0; query < count; query += kRows) {
      const uint32_t* queries[kRows];
      for (int64_t r = 0; r < kRows; ++r) {
        const int64_t inside = query + r < count ? query + r : count - 1;
        queries[r] = reinterpret_cast<const uint32_t*>(head.q + (first + inside) * head.q_stride);
      }
      __m512 largest[kRows];
      multiply_keys(queries, panels, head.head_dim, keys, state, largest);
      float keep[kRows];
      for (int64_t r = 0; r < kRows; ++r) {
        const float before = state.largest[query + r];
        const float maximum = std::fmax(before, _mm512_reduce_max_ps(largest[r]) * scale);
        keep[r] = std::exp2(before - maximum);
        state.largest[query + r] = maximum;
        state.mass[query + r] =
            state.mass[query + r] * keep[r] + exponentiate(state, r, padded, scale, maximum);
      }
      multiply_values(head.head_dim, state, query, panels + key_words(head.head_dim), padded, keep);
    }
  }
  for (int64_t query = 0; query < count; ++query) {
    const __m512 factor = _mm512_set1_ps(1 / state.mass[query]);
    uint16_t* out = head.out + (first + query) * head.out_stride;
    for (int64_t c = 0; c < head.head_dim; c += 16) {
      const __m512 value = _mm512_mul_ps(factor, _mm512_load_ps(&state.out[query][c]));
      _mm256_mask_storeu_epi16(
          out + c, avx512::lanes(head.head_dim - c), (__m256i)_mm512_cvtneps_pbh(value));
    }
  }
}

}  // namespace vggt::kernels
