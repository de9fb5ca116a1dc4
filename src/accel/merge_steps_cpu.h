// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kernels/match_rows/match_rows.h"
#include "src/accel/merge_plan.h"

namespace vggt::accel {

// Parts of plans by counting and selecting, map after map on all cores, where LibTorch's calls sort:
// what a CPU takes unless the plain path is asked for. Both give the same numbers.

/// Whether they serve `x`.
bool plans_on_cpu(const at::Tensor& x);

/// Fills slot_of, map_offsets, member_offsets, members and anchor of a map whose rows and maps are
/// known, of anchor_of [M, R]. The total is -1 if it is to be counted; else tail slots are empty.
/// Returns the slots that have members, of all maps and of the largest.
struct CountedSlots {
  int64_t total = 0;
  int64_t most = 0;
};
CountedSlots fill_map_cpu(TokenMap& map, const at::Tensor& anchor_of, int64_t total);

/// Squared distance of each row to the mean of its slot, [M, R]. x [R, C] float or bfloat16, mean
/// [T, C / M] contiguous.
at::Tensor deviations_cpu(const TokenMap& map, const at::Tensor& x, const at::Tensor& mean);

/// The k highest of each row of score [G, L] float, as a mask; of equals the first, NaN last.
at::Tensor highest_cpu(const at::Tensor& score, int64_t k);

/// Of each block the `merged[b]` sources with the highest scores have match.anchor, the others
/// themselves: [M, n_src].
at::Tensor best_anchors_cpu(const kernels::MatchBlocks& blocks,
                            const kernels::Match& match,
                            const std::vector<int64_t>& merged);

/// anchor_of [M, R] of the map without those that leave (bool [M, R]).
at::Tensor without_leavers_cpu(const TokenMap& map, const at::Tensor& leaves);

}  // namespace vggt::accel
