// SPDX-License-Identifier: Apache-2.0
// Four rows of W against up to six of x, dot products in 24 registers. W is read from memory once,
// as it lies; further rows of x meet the four rows of W again in the cache. With up to six rows of x
// a product takes 2 rows/4 operations a byte: the memory is the limit, not the arithmetic.
#include "kernels/linear/few_rows_avx512.h"

#include <immintrin.h>

namespace vggt::kernels {
namespace {

constexpr int kOut = 4;
constexpr int kMostRows = 6;

// The columns out .. out + 3 of y for kRows rows from `row` on. Beyond the last column the last is
// computed again.
template <int kRows>
void block(const FewRowsParams& params, int64_t row, int64_t out, int64_t end) {
  const float* x = params.x + row * params.in;
  const float* weight[kOut];
  for (int64_t c = 0; c < kOut; ++c) {
    weight[c] = params.weight + (out + c < end ? out + c : end - 1) * params.in;
  }
  __m512 sums[kRows][kOut];
#pragma GCC unroll 6
  for (auto& of_row : sums) {
#pragma GCC unroll 4
    for (auto& sum : of_row) sum = _mm512_setzero_ps();
  }
  const auto add = [&](int64_t i, __mmask16 mask) __attribute__((always_inline)) {
    __m512 w[kOut];
#pragma GCC unroll 4
    for (int c = 0; c < kOut; ++c) {
      w[c] = _mm512_maskz_loadu_ps(mask, weight[c] + i);
      _mm_prefetch(weight[c] + kOut * params.in + i, _MM_HINT_T1);
    }
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const __m512 value = _mm512_maskz_loadu_ps(mask, x + r * params.in + i);
#pragma GCC unroll 4
      for (int c = 0; c < kOut; ++c) sums[r][c] = _mm512_fmadd_ps(value, w[c], sums[r][c]);
    }
  };
  const int64_t whole = params.in / 16 * 16;
  for (int64_t i = 0; i < whole; i += 16) add(i, 0xffff);
  if (whole < params.in) add(whole, static_cast<__mmask16>((1U << (params.in - whole)) - 1));
  for (int64_t c = 0; c < kOut && out + c < end; ++c) {
    for (int64_t r = 0; r < kRows; ++r) {
      params.y[(row + r) * params.out + out + c] =
          _mm512_reduce_add_ps(sums[r][c]) + (params.bias ? params.bias[out + c] : 0.F);
    }
  }
}

}  // namespace

void few_rows_avx512(const FewRowsParams& params, int64_t begin, int64_t end) {
  for (int64_t out = begin; out < end; out += kOut) {
    int64_t row = 0;
    for (; row + kMostRows <= params.rows; row += kMostRows)
      block<kMostRows>(params, row, out, end);
    switch (params.rows - row) {
      case 5:
        block<5>(params, row, out, end);
        break;
      case 4:
        block<4>(params, row, out, end);
        break;
      case 3:
        block<3>(params, row, out, end);
        break;
      case 2:
        block<2>(params, row, out, end);
        break;
      case 1:
        block<1>(params, row, out, end);
        break;
      default:
        break;
    }
  }
}

}  // namespace vggt::kernels
