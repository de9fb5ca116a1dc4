// SPDX-License-Identifier: Apache-2.0
// A row is read from memory once; the passes for its variance and its norm find it in the
// first-level cache. 1024 channels cost 8 KB in and 6 KB out, so memory sets the limit.
#include "kernels/residual_norm/residual_norm_avx512.h"

#include <immintrin.h>

namespace vggt::kernels {
namespace {

inline __mmask16 lanes(int64_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1U << count) - 1);
}

}  // namespace

void residual_norm_avx512(const ResidualNormParams& params, int64_t begin, int64_t end) {
  const int64_t channels = params.channels;
  for (int64_t row = begin; row < end; ++row) {
    float* x = params.x + row * channels;
    __m512 total = _mm512_setzero_ps();
    for (int64_t i = 0; i < channels; i += 16) {
      const __mmask16 mask = lanes(channels - i);
      __m512 value = _mm512_maskz_loadu_ps(mask, x + i);
      if (params.update) {
        value = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, params.update + row * channels + i),
                                _mm512_maskz_loadu_ps(mask, params.gamma + i),
                                value);
        _mm512_mask_storeu_ps(x + i, mask, value);
      }
      total = _mm512_add_ps(total, value);
    }
    const float mean = _mm512_reduce_add_ps(total) / static_cast<float>(channels);
    const __m512 means = _mm512_set1_ps(mean);
    __m512 squares = _mm512_setzero_ps();
    for (int64_t i = 0; i < channels; i += 16) {
      const __mmask16 mask = lanes(channels - i);
      const __m512 apart = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, x + i), means);
      squares = _mm512_fmadd_ps(apart, apart, squares);
    }
    const float variance = _mm512_reduce_add_ps(squares) / static_cast<float>(channels);
    const __m512 scale = _mm512_set1_ps(1.F / __builtin_sqrtf(variance + params.eps));
    uint16_t* out = static_cast<uint16_t*>(params.out) + row * channels;
    for (int64_t i = 0; i < channels; i += 16) {
      const __mmask16 mask = lanes(channels - i);
      const __m512 apart = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), means);
      const __m512 value = _mm512_fmadd_ps(_mm512_mul_ps(apart, scale),
                                           _mm512_maskz_loadu_ps(mask, params.weight + i),
                                           _mm512_maskz_loadu_ps(mask, params.bias + i));
      _mm256_mask_storeu_epi16(out + i, mask, (__m256i)_mm512_cvtneps_pbh(value));
    }
  }
}

}  // namespace vggt::kernels
