// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::kernels {

/// Rows of bfloat16 (as uint16_t), `stride` apart, of which `width` columns are looked at.
struct MatchRowsView {
  const uint16_t* x;
  int64_t stride;  ///< even
  int64_t width;   ///< even
};

/// Anchors as the products take them.
struct PackedAnchors {
  const uint32_t* panels;  ///< packed_anchor_words(), aligned to 64 bytes
  const float* scale;      ///< 1 / length, NaN behind the last: a multiple of 64 of them
  int64_t count;
};

/// Words that `count` anchors take when packed; and how many scales.
int64_t packed_anchor_words(int64_t count, int64_t width);
int64_t packed_anchor_scales(int64_t count);

void pack_anchors_avx512(
    const MatchRowsView& rows, const int32_t* list, int64_t count, uint32_t* panels, float* scale);

/// For each of `count` sources the place in the anchors of the highest cosine, and that: of equals
/// the first, 0 and -2 if none is a number.
void match_avx512(const MatchRowsView& rows,
                  const int32_t* sources,
                  int64_t count,
                  const PackedAnchors& anchors,
                  int32_t* best_place,
                  float* best_score);

}  // namespace vggt::kernels
