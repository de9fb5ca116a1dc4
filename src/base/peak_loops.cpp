// SPDX-License-Identifier: Apache-2.0
#include "src/base/peak_loops.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace vggt {
namespace {

// Enough independent sums to hide the latency of any of the instructions.
constexpr int kSums = 16;

// What the compiler cannot know, and what it cannot leave out.
volatile float one = 1;
volatile float sink = 0;

#ifdef __x86_64__

[[gnu::target("avx512f,avx512bf16")]] void dot_avx512_bf16(int64_t rounds) {
  const auto pair = (__m512bh)_mm512_castps_si512(_mm512_set1_ps(one));
  __m512 sums[kSums];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_dpbf16_ps(sum, pair, pair);
  }
  for (const auto& sum : sums) sink = sink + _mm512_cvtss_f32(sum);
}

[[gnu::target("avx512f")]] void fma_avx512(int64_t rounds) {
  const __m512 factor = _mm512_set1_ps(one);
  __m512 sums[kSums];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_fmadd_ps(factor, factor, sum);
  }
  for (const auto& sum : sums) sink = sink + _mm512_cvtss_f32(sum);
}

// Sixteen registers in all: twelve sums.
[[gnu::target("avx2,fma")]] void fma_avx2(int64_t rounds) {
  const __m256 factor = _mm256_set1_ps(one);
  __m256 sums[12];
  for (auto& sum : sums) sum = _mm256_setzero_ps();
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_fmadd_ps(factor, factor, sum);
  }
  for (const auto& sum : sums) sink = sink + _mm256_cvtss_f32(sum);
}

// The kernel gives the tiles' registers to those that ask.
bool may_use_tiles() {
  constexpr long kRequestPermission = 0x1023;
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t columns_bytes[16] = {64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

// Four sums of 16 x 16, each of 16 x 32 times 32 x 16.
[[gnu::target("amx-tile,amx-bf16")]] void dot_amx(int64_t rounds) {
  const TileConfig config;
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
  _tile_release();
}
#endif

void multiply_add(int64_t rounds) {
  const float factor = one;
  float sums[kSums * 4] = {};
  for (int64_t i = 0; i < rounds; ++i) {
    for (float& sum : sums) sum = sum * factor + factor;
  }
  for (const float sum : sums) sink = sink + sum;
}

}  // namespace

PeakLoop half_loop() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("amx-bf16") && may_use_tiles()) {
    return {"AMX-BF16 dot product", dot_amx, 4 * 2.0 * 16 * 16 * 32};
  }
  if (__builtin_cpu_supports("avx512bf16")) {
    return {"AVX512-BF16 dot product", dot_avx512_bf16, kSums * 2.0 * 32};
  }
#endif
  return {};
}

PeakLoop single_loop() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return {"AVX512 FMA", fma_avx512, kSums * 2.0 * 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {"AVX2 FMA", fma_avx2, 12 * 2.0 * 8};
  }
#endif
  return {"compiled C++", multiply_add, kSums * 4 * 2.0};
}

uint64_t sum_words(const uint64_t* words, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += words[i];
  return sum;
}

}  // namespace vggt
