// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "src/accel/merge_policy.h"

namespace vggt::accel {

// The map as the released FastVGGT and LiteVGGT build it, faults included, to reproduce their
// published numbers: patches may merge into special tokens, and a protected token that is an anchor
// is there twice, as itself and as the mean of its group.

/// Rows that are anchors, ascending: all of frame 0, the special tokens of the others, and in each
/// later frame a patch of each whole 2 x 2 cell, picks[f - 1][i * (w / 2) + j] in 0..3. The release
/// counts rows of 2 (w / 2) patches: where the grid's width is odd, its pattern is sheared.
std::vector<int64_t> released_anchors(const TokenLayout& layout,
                                      const std::vector<std::vector<int64_t>>& picks);

class ReleasedMap {
 public:
  /// Rows, ascending each.
  ReleasedMap(const TokenLayout& layout,
              const std::vector<int64_t>& anchors,
              const std::vector<int64_t>& protect);

  /// All rows that are neither merge into the most similar anchor of the scene. Slots: the anchors,
  /// then the protected rows. xn [R, C]
  MergePlan build(const at::Tensor& xn) const;
  Cost cost(int64_t channels) const;

 private:
  TokenLayout layout_;
  at::Tensor anchors_, protect_, sources_;  ///< int64 rows
};

}  // namespace vggt::accel
