// SPDX-License-Identifier: Apache-2.0
// Six queries at a time meet 16 keys, then 16 columns of the values: 12 sums in registers. A block
// of 256 keys and values, packed 128 KB at a head size of 64, stays in the second-level cache.
#include "kernels/attention/attention_avx2.h"

#include <immintrin.h>

#include "kernels/attention/attention_chunk.h"

namespace vggt::kernels {
namespace {

constexpr int64_t kRows = 6;
constexpr int64_t kColumns = 16;

using Sums = __m256[kRows][2];

// 2^x for x <= 0, relative error 1e-7; NaN stays NaN, as the exponent comes by multiplication.
inline __attribute__((always_inline)) __m256 exp2(__m256 x) {
  // 1.5 * 2^23 + 127: adding it rounds to an integer and puts a float's exponent into the low bits.
  const __m256 magic = _mm256_set1_ps(12583039.F);
  x = _mm256_max_ps(_mm256_set1_ps(-125.F), x);  // a NaN in the second operand is kept
  const __m256 shifted = _mm256_add_ps(x, magic);
  const __m256 rest = _mm256_sub_ps(x, _mm256_sub_ps(shifted, magic));
  __m256 p = _mm256_set1_ps(0.00134004322F);
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(0.0096760371F));
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(0.0555032721F));
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(0.240221074F));
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(0.693147207F));
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(1.00000008F));
  const __m256i power = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
  return _mm256_mul_ps(p, _mm256_castsi256_ps(power));
}

inline float sum_of(__m256 x) {
  __m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  y = _mm_add_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}

inline float largest_of(__m256 x) {
  __m128 y = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  y = _mm_max_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
}

// sums[r] += sum over `count` of rows[r] times the panel's 16 columns
inline __attribute__((always_inline)) void multiply(const float* const* rows,
                                                    const float* panel,
                                                    int64_t count,
                                                    Sums& sums) {
  const float* r0 = rows[0];
  const float* r1 = rows[1];
  const float* r2 = rows[2];
  const float* r3 = rows[3];
  const float* r4 = rows[4];
  const float* r5 = rows[5];
  for (int64_t i = 0; i < count; ++i) {
    const __m256 left = _mm256_load_ps(panel + i * kColumns);
    const __m256 right = _mm256_load_ps(panel + i * kColumns + 8);
    const float* const at[kRows] = {r0 + i, r1 + i, r2 + i, r3 + i, r4 + i, r5 + i};
#pragma GCC unroll 6
    for (int64_t r = 0; r < kRows; ++r) {
      const __m256 row = _mm256_broadcast_ss(at[r]);
      sums[r][0] = _mm256_fmadd_ps(row, left, sums[r][0]);
      sums[r][1] = _mm256_fmadd_ps(row, right, sums[r][1]);
    }
  }
}

struct Avx2 {
  using Value = float;
  using Word = float;
  using State = ChunkState<Avx2>;
  using Block = PackedBlock<Avx2>;
  static constexpr int64_t kKeys = 256;
  static constexpr int64_t kPass = kRows;
  static constexpr int64_t kStep = kColumns;

  static int64_t out_width(int64_t head_dim) { return (head_dim + 15) / 16 * 16; }
  static int64_t key_words(int64_t head_dim) { return kKeys * head_dim; }
  static int64_t value_words(int64_t head_dim) { return kKeys * out_width(head_dim); }

  // [16 keys at a time][head_dim][16]
  static void pack_keys(const AttentionHead<Value>& head, int64_t first, int64_t count, Word* to) {
    for (int64_t key = 0; key < count; key += kColumns, to += kColumns * head.head_dim) {
      for (int64_t column = 0; column < kColumns; ++column) {
        const float* k = head.k + (first + key + column) * head.k_stride;
        for (int64_t d = 0; d < head.head_dim; ++d) {
          to[d * kColumns + column] = key + column < count ? k[d] : 0;
        }
      }
    }
  }

  // [16 columns at a time][kKeys][16]
  static void pack_values(const AttentionHead<Value>& head,
                          int64_t first,
                          int64_t count,
                          Word* panels) {
    for (int64_t column = 0; column < head.head_dim; column += kColumns) {
      float* to = panels + column * kKeys;
      for (int64_t key = 0; key < count; ++key) {
        const float* v = head.v + (first + key) * head.v_stride + column;
        for (int64_t c = 0; c < kColumns; ++c) {
          to[key * kColumns + c] = column + c < head.head_dim ? v[c] : 0;
        }
      }
    }
  }

  template <bool kBiased>
  static void logits(const Value* const* queries,
                     int64_t head_dim,
                     float scale,
                     int64_t padded,
                     const Block& block,
                     State& state,
                     float* largest) {
    __m256 top[kPass];
    for (__m256& x : top) x = _mm256_set1_ps(-INFINITY);
    for (int64_t key = 0; key < padded; key += kColumns) {
      Sums sums;
      for (auto& row : sums) row[0] = row[1] = _mm256_setzero_ps();
      multiply(queries, block.keys + key * head_dim, head_dim, sums);
#pragma GCC unroll 6
      for (int64_t r = 0; r < kPass; ++r) {
#pragma GCC unroll 2
        for (int64_t c = 0; c < 2; ++c) {
          if constexpr (kBiased) {
            const __m256 bias = _mm256_load_ps(block.bias + key + 8 * c);
            sums[r][c] = _mm256_fmadd_ps(sums[r][c], _mm256_set1_ps(scale), bias);
          }
          _mm256_store_ps(&state.logits[r][key + 8 * c], sums[r][c]);
          top[r] = _mm256_max_ps(top[r], sums[r][c]);
        }
      }
    }
    for (int64_t r = 0; r < kPass; ++r) largest[r] = largest_of(top[r]) * (kBiased ? 1 : scale);
  }

  // The logits become weights, relative to 2^shift, in place; returns their sum.
  static float exponentiate(float* logits, int64_t padded, float scale, float shift) {
    const __m256 factor = _mm256_set1_ps(scale);
    const __m256 minus = _mm256_set1_ps(shift);
    __m256 sum0 = _mm256_setzero_ps();
    __m256 sum1 = _mm256_setzero_ps();
    for (int64_t key = 0; key < padded; key += 16) {
      const __m256 low = exp2(_mm256_fmsub_ps(_mm256_load_ps(logits + key), factor, minus));
      const __m256 high = exp2(_mm256_fmsub_ps(_mm256_load_ps(logits + key + 8), factor, minus));
      sum0 = _mm256_add_ps(sum0, low);
      sum1 = _mm256_add_ps(sum1, high);
      _mm256_store_ps(logits + key, low);
      _mm256_store_ps(logits + key + 8, high);
    }
    return sum_of(_mm256_add_ps(sum0, sum1));
  }

  // out = keep * out + weights v
  static void multiply_values(int64_t head_dim,
                              int64_t keys,
                              const float* keep,
                              const Word* values,
                              State& state,
                              float* out) {
    const int64_t width = out_width(head_dim);
    const float* rows[kPass];
    for (int64_t r = 0; r < kPass; ++r) rows[r] = state.logits[r];
    for (int64_t column = 0; column < head_dim; column += kColumns) {
      Sums sums;
      for (auto& row : sums) row[0] = row[1] = _mm256_setzero_ps();
      multiply(rows, values + column * kKeys, keys, sums);
#pragma GCC unroll 6
      for (int64_t r = 0; r < kPass; ++r) {
        float* to = out + r * width + column;
        const __m256 kept = _mm256_set1_ps(keep[r]);
        _mm256_store_ps(to, _mm256_fmadd_ps(kept, _mm256_load_ps(to), sums[r][0]));
        _mm256_store_ps(to + 8, _mm256_fmadd_ps(kept, _mm256_load_ps(to + 8), sums[r][1]));
      }
    }
  }

  static void store(const float* from, float factor, int64_t head_dim, Value* to) {
    for (int64_t c = 0; c < head_dim; ++c) to[c] = from[c] * factor;
  }
};

}  // namespace

AttentionKernel<float> attention_avx2() { return kernel_of<Avx2>(); }

}  // namespace vggt::kernels
