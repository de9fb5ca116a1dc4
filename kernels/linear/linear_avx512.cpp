// SPDX-License-Identifier: Apache-2.0
// A call packs its columns of W once, then takes x six rows at a time: the rows (12 KB at 1024
// inputs) stay in the first-level cache, the packed columns in the second. For each pair of inputs
// 24 products of registers stand against four loads from the second-level cache, so the rate of
// vdpbf16ps is the limit. Packing reads W once per call: nothing against thousands of rows, and so
// no second copy of the weights is kept.
#include "kernels/linear/linear_avx512.h"

#include "kernels/common/avx512_bf16.h"
#include "kernels/common/avx512_gelu.h"

namespace vggt::kernels {
namespace {

using avx512::kColumns;
using avx512::kRows;

constexpr int64_t kPackedBytes = 512 * 1024;

}  // namespace

int64_t linear_scratch_words(const LinearParams& params, int64_t columns) {
  return (columns + kColumns - 1) / kColumns * kColumns * (params.in / 2);
}

int64_t linear_columns(const LinearParams& params) {
  const int64_t fitting = kPackedBytes / (kColumns * params.in * 2);
  return (fitting < 1 ? 1 : fitting) * kColumns;
}

void linear_avx512(const LinearParams& params,
                   int64_t row_begin,
                   int64_t row_end,
                   int64_t column_begin,
                   int64_t column_end,
                   uint32_t* scratch) {
  const int64_t pairs = params.in / 2;
  for (int64_t column = column_begin; column < column_end; column += kColumns) {
    const int64_t count = column_end - column < kColumns ? column_end - column : kColumns;
    avx512::pack_rows(params.weight + column * params.in,
                      params.in,
                      count,
                      pairs,
                      scratch + (column - column_begin) * pairs);
  }
  for (int64_t row = row_begin; row < row_end; row += kRows) {
    const uint32_t* rows[kRows];
    for (int64_t r = 0; r < kRows; ++r) {
      const int64_t inside = row + r < row_end ? row + r : row_end - 1;
      rows[r] = reinterpret_cast<const uint32_t*>(params.x + inside * params.x_stride);
    }
    const int64_t count = row_end - row < kRows ? row_end - row : kRows;
    for (int64_t column = column_begin; column < column_end; column += kColumns) {
      avx512::Sums sums;
      for (int64_t c = 0; c < 4; ++c) {
        __m512 start = _mm512_setzero_ps();
        if (params.bias) {
          start = _mm512_maskz_loadu_ps(avx512::lanes(column_end - column - 16 * c),
                                        params.bias + column + 16 * c);
        }
        for (auto& sum : sums) sum[c] = start;
      }
      avx512::multiply<4>(rows, scratch + (column - column_begin) * pairs, pairs, sums);
      for (int64_t r = 0; r < count; ++r) {
        const int64_t at = (row + r) * params.out + column;
        for (int64_t c = 0; c < 4; ++c) {
          const __mmask16 mask = avx512::lanes(column_end - column - 16 * c);
          const __m512 value = params.gelu ? avx512::gelu(sums[r][c]) : sums[r][c];
          if (params.y_is_float) {
            _mm512_mask_storeu_ps(static_cast<float*>(params.y) + at + 16 * c, mask, value);
          } else {
            _mm256_mask_storeu_epi16(static_cast<uint16_t*>(params.y) + at + 16 * c,
                                     mask,
                                     (__m256i)_mm512_cvtneps_pbh(value));
          }
        }
      }
    }
  }
}

}  // namespace vggt::kernels
