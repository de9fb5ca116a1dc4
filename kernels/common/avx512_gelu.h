// SPDX-License-Identifier: Apache-2.0
// GELU of 16 floats, for files compiled for AVX512 (as avx512_bf16.h says).
#pragma once

#include <immintrin.h>

namespace vggt::kernels::avx512 {

// erf by a rational function in x, |x| <= 4, beyond which float32 cannot tell it from 1: largest
// error 4e-7. Odd polynomial over even one, coefficients from low to high powers of x^2.
inline __m512 erf(__m512 x) {
  x = _mm512_max_ps(_mm512_set1_ps(-4.F), _mm512_min_ps(_mm512_set1_ps(4.F), x));
  const __m512 square = _mm512_mul_ps(x, x);
  const float over[] = {-1.60960333262415e-02F,
                        -2.95459980854025e-03F,
                        -7.34990630326855e-04F,
                        -5.69250639462346e-05F,
                        -2.10102402082508e-06F,
                        2.77068142495902e-08F,
                        -2.72614225801306e-10F};
  const float under[] = {-1.42647390514189e-02F,
                         -7.37332916720468e-03F,
                         -1.68282697438203e-03F,
                         -2.13374055278905e-04F,
                         -1.45660718464996e-05F};
  __m512 p = _mm512_set1_ps(over[6]);
  __m512 q = _mm512_set1_ps(under[4]);
#pragma GCC unroll 6
  for (int i = 5; i >= 0; --i) p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(over[i]));
#pragma GCC unroll 4
  for (int i = 3; i >= 0; --i) q = _mm512_fmadd_ps(q, square, _mm512_set1_ps(under[i]));
  return _mm512_div_ps(_mm512_mul_ps(x, p), q);
}

inline __m512 gelu(__m512 x) {
  const __m512 half = _mm512_mul_ps(x, _mm512_set1_ps(0.5F));
  return _mm512_fmadd_ps(half, erf(_mm512_mul_ps(x, _mm512_set1_ps(0.70710678F))), half);
}

}  // namespace vggt::kernels::avx512
