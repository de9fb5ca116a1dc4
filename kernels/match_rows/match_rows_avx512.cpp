// SPDX-License-Identifier: Apache-2.0
// Six sources meet a panel of 64 anchors in registers (common/avx512_bf16.h); of the 384 products
// each source keeps the largest of each lane and where it was, so that no product is written: at 64
// columns 768 multiplications of registers stand against 24 comparisons. A window's anchors (960 of
// 64 columns are 120 KB) stay in the second-level cache while its sources pass.
#include "kernels/match_rows/match_rows_avx512.h"

#include <cmath>

#include "kernels/common/avx512_bf16.h"

namespace vggt::kernels {
namespace {

using avx512::kColumns;
using avx512::kRows;

constexpr float kNone = -2;  // below every cosine
constexpr int64_t kPackedWords = 128 * 1024;

int64_t panels_of(int64_t count) { return (count + kColumns - 1) / kColumns; }

float inverse_length(const uint16_t* row, int64_t width) {
  __m512 sum = _mm512_setzero_ps();
  for (int64_t c = 0; c < width; c += 32) {
    const int64_t words = (width - c) / 2;
    const auto part = (__m512bh)_mm512_maskz_loadu_epi32(avx512::lanes(words), row + c);
    sum = _mm512_dpbf16_ps(sum, part, part);
  }
  const float square = _mm512_reduce_add_ps(sum);
  // NaN stays NaN.
  return 1 / std::sqrt(square < 1e-24F ? 1e-24F : square);
}

// Of 16 lanes the highest, of equals the one with the lowest place.
void reduce(__m512 score, __m512i place, float own_scale, int32_t* best_place, float* best_score) {
  const float most = _mm512_reduce_max_ps(score);
  if (!(most > -INFINITY)) return;
  const __mmask16 is_most = _mm512_cmp_ps_mask(score, _mm512_set1_ps(most), _CMP_EQ_OQ);
  const float cosine = most * own_scale;
  // A source that is no number has none that is.
  if (!(cosine > *best_score)) return;
  *best_score = cosine;
  *best_place = _mm512_mask_reduce_min_epi32(is_most, place);
}

}  // namespace

int64_t packed_anchor_words(int64_t count, int64_t width) {
  return panels_of(count) * kColumns * (width / 2);
}

int64_t packed_anchor_scales(int64_t count) { return panels_of(count) * kColumns; }

void pack_anchors_avx512(
    const MatchRowsView& rows, const int32_t* list, int64_t count, uint32_t* panels, float* scale) {
  const int64_t pairs = rows.width / 2;
  for (int64_t first = 0; first < count; first += kColumns) {
    const auto row_at = [&](int64_t r) { return rows.x + list[first + r] * rows.stride; };
    const int64_t some = count - first < kColumns ? count - first : kColumns;
    avx512::pack_rows_at(row_at, some, pairs, panels + first * pairs);
    for (int64_t r = 0; r < kColumns; ++r) {
      scale[first + r] = r < some ? inverse_length(row_at(r), rows.width) : NAN;
    }
  }
}

void match_avx512(const MatchRowsView& rows,
                  const int32_t* sources,
                  int64_t count,
                  const PackedAnchors& anchors,
                  int32_t* best_place,
                  float* best_score) {
  const int64_t pairs = rows.width / 2;
  for (int64_t i = 0; i < count; ++i) {
    best_place[i] = 0;
    best_score[i] = kNone;
  }
  // As many panels at a time as stay in the second-level cache.
  const int64_t fitting = kPackedWords / (kColumns * pairs);
  const int64_t step = (fitting < 1 ? 1 : fitting) * kColumns;
  const __m512i counting = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (int64_t begin = 0; begin < anchors.count; begin += step) {
    const int64_t end = begin + step < anchors.count ? begin + step : anchors.count;
    for (int64_t i = 0; i < count; i += kRows) {
      const uint32_t* words[kRows];
      for (int64_t r = 0; r < kRows; ++r) {
        const int64_t inside = i + r < count ? i + r : count - 1;
        words[r] = reinterpret_cast<const uint32_t*>(rows.x + sources[inside] * rows.stride);
      }
      __m512 most[kRows];
      __m512i place[kRows];
      for (int64_t r = 0; r < kRows; ++r) {
        most[r] = _mm512_set1_ps(-INFINITY);
        place[r] = _mm512_setzero_si512();
      }
      for (int64_t column = begin; column < end; column += kColumns) {
        avx512::Sums sums;
        for (auto& sum : sums) {
          for (auto& part : sum) part = _mm512_setzero_ps();
        }
        avx512::multiply<4>(words, anchors.panels + column * pairs, pairs, sums);
        for (int64_t c = 0; c < 4; ++c) {
          const __m512 scale = _mm512_loadu_ps(anchors.scale + column + 16 * c);
          const __m512i here =
              _mm512_add_epi32(counting, _mm512_set1_epi32(static_cast<int>(column + 16 * c)));
#pragma GCC unroll 6
          for (int64_t r = 0; r < kRows; ++r) {
            const __m512 score = _mm512_mul_ps(sums[r][c], scale);
            const __mmask16 is_more = _mm512_cmp_ps_mask(score, most[r], _CMP_GT_OQ);
            most[r] = _mm512_mask_mov_ps(most[r], is_more, score);
            place[r] = _mm512_mask_mov_epi32(place[r], is_more, here);
          }
        }
      }
      for (int64_t r = 0; r < kRows && i + r < count; ++r) {
        const float own = inverse_length(reinterpret_cast<const uint16_t*>(words[r]), rows.width);
        reduce(most[r], place[r], own, best_place + i + r, best_score + i + r);
      }
    }
  }
}

}  // namespace vggt::kernels
