// SPDX-License-Identifier: Apache-2.0
// Six queries at a time meet 64 keys, then 64 columns of the values: 24 sums in registers. Logits
// and weights of 6 x 512 stay in the first-level cache; a block of 512 keys and values, packed
// 128 KB at a head size of 64, in the second while 16 groups of queries pass.
// Per query and key: 4 D operations by vdpbf16ps and about 12 of softmax, which at D = 64 leaves
// some 85 % of the peak.
#include "kernels/attention/attention_avx512.h"

#include "kernels/attention/attention_chunk.h"
#include "kernels/common/avx512_bf16.h"

namespace vggt::kernels {
namespace {

using avx512::kColumns;
using avx512::kRows;

// 2^x for x <= 0, relative error 1e-4 (the result is rounded to 8 bits); a NaN stays one if its low
// bits are zero, as those that arithmetic makes. Additions instead of rounding instructions: they
// leave the multipliers to the polynomial.
inline __attribute__((always_inline)) __m512 exp2(__m512 x) {
  const __m512 magic = _mm512_set1_ps(12582912.F);  // 1.5 * 2^23: adding it rounds to an integer
  x = _mm512_max_ps(_mm512_set1_ps(-125.F), x);     // a NaN in the second operand is kept
  const __m512 shifted = _mm512_add_ps(x, magic);
  const __m512 rest = _mm512_sub_ps(x, _mm512_sub_ps(shifted, magic));
  __m512 p = _mm512_set1_ps(0.0559220356F);
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.242640083F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.693121034F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.999924481F));
  const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), exponent));
}

struct Avx512 {
  using Value = uint16_t;
  using Word = uint32_t;  // two bfloat16
  using State = ChunkState<Avx512>;
  using Block = PackedBlock<Avx512>;
  static constexpr int64_t kKeys = 512;
  static constexpr int64_t kPass = kRows;
  static constexpr int64_t kStep = 32;  // keys whose weights fill a register

  static int64_t out_width(int64_t head_dim) { return (head_dim + 63) / 64 * 64; }
  static int64_t key_words(int64_t head_dim) { return kKeys * head_dim / 2; }
  static int64_t value_words(int64_t head_dim) { return kKeys / 2 * out_width(head_dim); }

  // [64 keys at a time][head_dim / 2][64]
  static void pack_keys(const AttentionHead<Value>& head,
                        int64_t first,
                        int64_t count,
                        Word* panels) {
    for (int64_t key = 0; key < count; key += kColumns) {
      avx512::pack_rows(head.k + (first + key) * head.k_stride,
                        head.k_stride,
                        count - key < kColumns ? count - key : kColumns,
                        head.head_dim / 2,
                        panels + key * head.head_dim / 2);
    }
  }

  // [64 columns at a time][kKeys / 2][64]; a key missing in the last pair is zero.
  static void pack_values(const AttentionHead<Value>& head,
                          int64_t first,
                          int64_t count,
                          Word* panels) {
    for (int64_t column = 0; column < head.head_dim; column += 16) {
      const __mmask16 mask = avx512::lanes(head.head_dim - column);
      uint32_t* words = panels + column / kColumns * kKeys / 2 * kColumns + column % kColumns;
      for (int64_t key = 0; key < count; key += 2) {
        const uint16_t* v = head.v + (first + key) * head.v_stride + column;
        const __m256i even = _mm256_maskz_loadu_epi16(mask, v);
        const __m256i odd = _mm256_maskz_loadu_epi16(key + 1 < count ? mask : 0, v + head.v_stride);
        _mm512_store_si512(words + key / 2 * kColumns,
                           _mm512_or_si512(_mm512_cvtepu16_epi32(even),
                                           _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16)));
      }
    }
  }

  // Logits of kPass queries with keys [key, key + 16 * kVectors), and their maxima per lane.
  template <bool kBiased, int kVectors>
  static void logits(const uint32_t* const* rows,
                     int64_t pairs,
                     __m512 factor,
                     int64_t key,
                     const Block& block,
                     State& state,
                     __m512 (&top)[kPass]) {
    avx512::Sums sums;
    for (auto& row : sums) {
      for (__m512& sum : row) sum = _mm512_setzero_ps();
    }
    avx512::multiply<kVectors>(rows, block.keys + key * pairs, pairs, sums);
#pragma GCC unroll 4
    for (int64_t c = 0; c < kVectors; ++c) {
      const __m512 bias = kBiased ? _mm512_load_ps(block.bias + key + 16 * c) : factor;
#pragma GCC unroll 6
      for (int64_t r = 0; r < kPass; ++r) {
        if constexpr (kBiased) sums[r][c] = _mm512_fmadd_ps(sums[r][c], factor, bias);
        _mm512_store_ps(&state.logits[r][key + 16 * c], sums[r][c]);
        top[r] = _mm512_max_ps(top[r], sums[r][c]);
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
    const int64_t pairs = head_dim / 2;
    const __m512 factor = _mm512_set1_ps(scale);
    const uint32_t* rows[kPass];
    for (int64_t r = 0; r < kPass; ++r) rows[r] = reinterpret_cast<const uint32_t*>(queries[r]);
    __m512 top[kPass];
    for (__m512& x : top) x = _mm512_set1_ps(-INFINITY);
    int64_t key = 0;
    for (; key + kColumns <= padded; key += kColumns) {
      logits<kBiased, 4>(rows, pairs, factor, key, block, state, top);
    }
    if (key < padded) logits<kBiased, 2>(rows, pairs, factor, key, block, state, top);
    for (int64_t r = 0; r < kPass; ++r) {
      largest[r] = _mm512_reduce_max_ps(top[r]) * (kBiased ? 1 : scale);
    }
  }

  // The logits become weights, relative to 2^shift and rounded to bfloat16, in place: no weight is
  // written behind a logit yet to be read. Returns their sum.
  static float exponentiate(float* logits, int64_t padded, float scale, float shift) {
    const __m512 factor = _mm512_set1_ps(scale);
    const __m512 minus = _mm512_set1_ps(shift);
    auto* weights = reinterpret_cast<uint16_t*>(logits);
    __m512 sum0 = _mm512_setzero_ps();
    __m512 sum1 = _mm512_setzero_ps();
    for (int64_t key = 0; key < padded; key += 32) {
      const __m512 low = exp2(_mm512_fmsub_ps(_mm512_load_ps(logits + key), factor, minus));
      const __m512 high = exp2(_mm512_fmsub_ps(_mm512_load_ps(logits + key + 16), factor, minus));
      sum0 = _mm512_add_ps(sum0, low);
      sum1 = _mm512_add_ps(sum1, high);
      _mm512_store_si512(weights + key, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(sum0, sum1));
  }

  template <int kVectors>
  static void multiply_values(const uint32_t* const* rows,
                              const uint32_t* panel,
                              int64_t pairs,
                              const float* keep,
                              float* out,
                              int64_t width) {
    avx512::Sums sums;
    for (auto& row : sums) {
      for (__m512& sum : row) sum = _mm512_setzero_ps();
    }
    avx512::multiply<kVectors>(rows, panel, pairs, sums);
#pragma GCC unroll 6
    for (int64_t r = 0; r < kPass; ++r) {
#pragma GCC unroll 4
      for (int64_t c = 0; c < kVectors; ++c) {
        float* to = out + r * width + 16 * c;
        const __m512 kept = _mm512_set1_ps(keep[r]);
        _mm512_store_ps(to, _mm512_fmadd_ps(kept, _mm512_load_ps(to), sums[r][c]));
      }
    }
  }

  // out = keep * out + weights v
  static void multiply_values(int64_t head_dim,
                              int64_t keys,
                              const float* keep,
                              const Word* values,
                              State& state,
                              float* out) {
    const int64_t width = out_width(head_dim);
    const int64_t pairs = (keys + 1) / 2;
    const uint32_t* rows[kPass];
    for (int64_t r = 0; r < kPass; ++r) {
      rows[r] = reinterpret_cast<const uint32_t*>(state.logits[r]);
    }
    for (int64_t column = 0; column < head_dim; column += kColumns) {
      const uint32_t* panel = values + column * kKeys / 2;
      float* to = out + column;
      switch ((head_dim - column + 15) / 16) {
        case 1:
          multiply_values<1>(rows, panel, pairs, keep, to, width);
          break;
        case 2:
          multiply_values<2>(rows, panel, pairs, keep, to, width);
          break;
        case 3:
          multiply_values<3>(rows, panel, pairs, keep, to, width);
          break;
        default:
          multiply_values<4>(rows, panel, pairs, keep, to, width);
      }
    }
  }

  static void store(const float* from, float factor, int64_t head_dim, Value* to) {
    for (int64_t c = 0; c < head_dim; c += 16) {
      const __m512 value = _mm512_mul_ps(_mm512_set1_ps(factor), _mm512_load_ps(from + c));
      _mm256_mask_storeu_epi16(
          to + c, avx512::lanes(head_dim - c), (__m256i)_mm512_cvtneps_pbh(value));
    }
  }
};

}  // namespace

AttentionKernel<uint16_t> attention_avx512() { return kernel_of<Avx512>(); }

}  // namespace vggt::kernels
