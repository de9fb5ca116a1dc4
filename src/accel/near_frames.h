// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/match_rows/match_rows.h"
#include "src/accel/merge_plan.h"

namespace vggt::accel {

/// A block for each frame but the first: its sources may choose among the anchors of frame 0, of
/// their own frame and of the (at most) two others whose patches' mean of `x` is most similar.
/// sources  [S - 1, n] rows; anchors0 [n0] rows of frame 0; anchors [S - 1, A] rows of the others
/// x        [R, C]
kernels::MatchBlocks near_blocks(const TokenLayout& layout,
                                 const at::Tensor& x,
                                 const at::Tensor& sources,
                                 const at::Tensor& anchors0,
                                 const at::Tensor& anchors);

}  // namespace vggt::accel
