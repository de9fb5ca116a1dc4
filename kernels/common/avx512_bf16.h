// SPDX-License-Identifier: Apache-2.0
// What the CPU kernels of linear layers and attention share: a product of six rows with a panel of
// 64 columns, held in registers, and the packing of panels. Include it only from files compiled for
// AVX512-BF16, and include no LibTorch header there: its inline functions would be compiled for
// AVX512 too, and the linker could keep that copy for every machine.
//
// vdpbf16ps multiplies 16 pairs of bfloat16 with 16 pairs and adds each two products to a float. A
// panel therefore holds pairs of the summed axis: [sum / 2][64] words of two bfloat16.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace vggt::kernels::avx512 {

constexpr int kRows =
    6;  ///< rows per product: 6 x 4 sums, 4 panel words and 1 row word in 32 registers
constexpr int kColumns = 64;  ///< columns of a panel, four registers

using Sums = __m512[kRows][4];

/// sums[r][c] += sum over `pairs` of rows[r] times the panel's columns 16 c .. 16 c + 15.
/// kVectors: how many of the panel's four registers are computed.
template <int kVectors>
inline __attribute__((always_inline)) void multiply(const uint32_t* const* rows,
                                                    const uint32_t* panel,
                                                    int64_t pairs,
                                                    Sums& sums) {
  const uint32_t* r0 = rows[0];
  const uint32_t* r1 = rows[1];
  const uint32_t* r2 = rows[2];
  const uint32_t* r3 = rows[3];
  const uint32_t* r4 = rows[4];
  const uint32_t* r5 = rows[5];
  for (int64_t i = 0; i < pairs; ++i) {
    __m512bh column[kVectors];
#pragma GCC unroll 4
    for (int c = 0; c < kVectors; ++c) {
      column[c] = (__m512bh)_mm512_load_si512(panel + i * kColumns + 16 * c);
    }
    const uint32_t word[kRows] = {r0[i], r1[i], r2[i], r3[i], r4[i], r5[i]};
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const auto row = (__m512bh)_mm512_set1_epi32(static_cast<int>(word[r]));
#pragma GCC unroll 4
      for (int c = 0; c < kVectors; ++c) {
        sums[r][c] = _mm512_dpbf16_ps(sums[r][c], row, column[c]);
      }
    }
  }
}

/// 16 x 16 words, transposed in registers.
inline __attribute__((always_inline)) void transpose(__m512i (&x)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(x[2 * i], x[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(x[2 * i], x[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    x[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    x[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    x[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    x[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(x[i], x[4 + i], 0x88);
    t[4 + i] = _mm512_shuffle_i32x4(x[i], x[4 + i], 0xdd);
    t[8 + i] = _mm512_shuffle_i32x4(x[8 + i], x[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_i32x4(x[8 + i], x[12 + i], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    x[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
    x[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
    x[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
    x[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd);
  }
}

/// Packs `count` <= 64 rows of `pairs` words into a panel whose columns they become: panel[i][column]
/// = word i of row `column`, which begins at row(column). Columns from `count` on are zero.
template <class RowAt>
inline void pack_rows_at(const RowAt& row, int64_t count, int64_t pairs, uint32_t* panel) {
  for (int64_t column = 0; column < kColumns; column += 16) {
    for (int64_t pair = 0; pair < pairs; pair += 16) {
      const int64_t words = pairs - pair < 16 ? pairs - pair : 16;
      const auto mask = static_cast<__mmask16>((1U << words) - 1);
      __m512i x[16];
#pragma GCC unroll 16
      for (int64_t r = 0; r < 16; ++r) {
        x[r] = column + r < count ? _mm512_maskz_loadu_epi32(mask, row(column + r) + 2 * pair)
                                  : _mm512_setzero_si512();
      }
      transpose(x);
#pragma GCC unroll 16
      for (int64_t i = 0; i < 16; ++i) {
        if (i < words) _mm512_store_si512(panel + (pair + i) * kColumns + column, x[i]);
      }
    }
  }
}

/// The same of rows `stride` bfloat16 apart.
inline void pack_rows(
    const uint16_t* rows, int64_t stride, int64_t count, int64_t pairs, uint32_t* panel) {
  pack_rows_at([=](int64_t r) { return rows + r * stride; }, count, pairs, panel);
}

/// The first `count` of 16 lanes.
inline __mmask16 lanes(int64_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xffff)
                     : static_cast<__mmask16>((1U << (count > 0 ? count : 0)) - 1);
}

}  // namespace vggt::kernels::avx512
