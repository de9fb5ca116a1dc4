// SPDX-License-Identifier: Apache-2.0
// A head of 64 channels is four registers, which stay there from the load to the store: sum and
// squares across them, norm, rotation of the first with the second and of the third with the
// fourth, rounding. A token of 16 heads costs 12 KB in and 6 KB out, so memory sets the limit.
#include "kernels/split_heads/split_heads_avx512.h"

#include <immintrin.h>

namespace vggt::kernels {
namespace {

constexpr int64_t kHeadDim = 64;

struct Registers {
  __m512 part[4];
};

inline Registers load(const float* from) {
  return {{_mm512_loadu_ps(from),
           _mm512_loadu_ps(from + 16),
           _mm512_loadu_ps(from + 32),
           _mm512_loadu_ps(from + 48)}};
}

inline void store(uint16_t* to, const Registers& x) {
  // vcvtne2ps2bf16 puts its second operand below its first.
  _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(x.part[1], x.part[0]));
  _mm512_storeu_si512(to + 32, (__m512i)_mm512_cvtne2ps_pbh(x.part[3], x.part[2]));
}

inline float sum(const Registers& x) {
  return _mm512_reduce_add_ps(
      _mm512_add_ps(_mm512_add_ps(x.part[0], x.part[1]), _mm512_add_ps(x.part[2], x.part[3])));
}

// One kind of head, q or k, of a token: `count` heads from `from` on.
inline void norm_and_turn(const float* from,
                          int64_t count,
                          const Registers& weight,
                          const Registers& bias,
                          float eps,
                          const float* cos,
                          const float* sin,
                          uint16_t* to) {
  const __m512 row_cos = _mm512_loadu_ps(cos);
  const __m512 row_sin = _mm512_loadu_ps(sin);
  const __m512 column_cos = _mm512_loadu_ps(cos + 16);
  const __m512 column_sin = _mm512_loadu_ps(sin + 16);
  for (int64_t head = 0; head < count; ++head) {
    Registers x = load(from + head * kHeadDim);
    const __m512 mean = _mm512_set1_ps(sum(x) / kHeadDim);
    Registers square;
    for (int i = 0; i < 4; ++i) {
      x.part[i] = _mm512_sub_ps(x.part[i], mean);
      square.part[i] = _mm512_mul_ps(x.part[i], x.part[i]);
    }
    const __m512 scale = _mm512_set1_ps(1.F / __builtin_sqrtf(sum(square) / kHeadDim + eps));
    for (int i = 0; i < 4; ++i) {
      x.part[i] = _mm512_fmadd_ps(_mm512_mul_ps(x.part[i], scale), weight.part[i], bias.part[i]);
    }
    const Registers turned = {
        {_mm512_fmsub_ps(x.part[0], row_cos, _mm512_mul_ps(x.part[1], row_sin)),
         _mm512_fmadd_ps(x.part[1], row_cos, _mm512_mul_ps(x.part[0], row_sin)),
         _mm512_fmsub_ps(x.part[2], column_cos, _mm512_mul_ps(x.part[3], column_sin)),
         _mm512_fmadd_ps(x.part[3], column_cos, _mm512_mul_ps(x.part[2], column_sin))}};
    store(to + head * kHeadDim, turned);
  }
}

}  // namespace

void split_heads_avx512(const SplitHeadsParams& params, int64_t begin, int64_t end) {
  const Registers q_weight = load(params.q_weight);
  const Registers q_bias = load(params.q_bias);
  const Registers k_weight = load(params.k_weight);
  const Registers k_bias = load(params.k_bias);
  const int64_t channels = params.heads * kHeadDim;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t batch = row / params.tokens;
    const int64_t token = row % params.tokens;
    const float* from = params.packed + row * 3 * channels;
    const int64_t table = batch * params.table_stride + token * (kHeadDim / 2);
    const int64_t to = batch * params.batch_stride + token * channels;
    norm_and_turn(from,
                  params.heads,
                  q_weight,
                  q_bias,
                  params.q_eps,
                  params.cos + table,
                  params.sin + table,
                  static_cast<uint16_t*>(params.q) + to);
    norm_and_turn(from + channels,
                  params.heads,
                  k_weight,
                  k_bias,
                  params.k_eps,
                  params.cos + table,
                  params.sin + table,
                  static_cast<uint16_t*>(params.k) + to);
    for (int64_t head = 0; head < params.heads; ++head) {
      store(static_cast<uint16_t*>(params.v) + to + head * kHeadDim,
            load(from + 2 * channels + head * kHeadDim));
    }
  }
}

}  // namespace vggt::kernels
