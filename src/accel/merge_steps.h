// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kernels/match_rows/match_rows.h"
#include "src/accel/merge_plan.h"

namespace vggt::accel {

// The parts that merging methods are made of. All index tensors are of the layout's device; nothing
// here waits for it. Of equal scores the lowest row wins.

/// What becomes of the first frame, which the world is defined by.
enum class FirstFrame : uint8_t {
  kPlain,      ///< as the others
  kAnchors,    ///< its patches merge into nothing, others may merge into them
  kProtected,  ///< left alone altogether
};

enum class Role : uint8_t { kSource, kAnchor, kProtected };

/// uint8 [R] of Role: special tokens protected, the first frame as told, all else sources.
at::Tensor roles(const TokenLayout& layout, FirstFrame first_frame);

/// What becomes of patches that fill no whole cell.
enum class CellEdge : uint8_t {
  kRagged,  ///< smaller cells
  kSingle,  ///< left alone
};

/// The cells of side x side patches of one frame's grid: for each patch the number of its cell, in
/// the order of their first patches, or -1; int64 [h w], and how many there are.
struct Cells {
  at::Tensor of_patch;
  int64_t count = 0;
};
Cells grid_cells(const TokenLayout& layout, int64_t side, CellEdge edge);

/// For each frame and cell the patch with the lowest score among those that may be picked, as a
/// mask: score float32 [S, h w], allowed bool [S, h w] -> bool [S, h w]. A cell without an allowed
/// patch has none.
at::Tensor lowest_of_cells(const Cells& cells, const at::Tensor& score, const at::Tensor& allowed);

/// Numbers in [0, 1) for each patch of each frame, of (seed, frame_id, patch) alone: float32
/// [S, h w]. The same on every device, and wherever the frame stands in the sequence.
at::Tensor random_scores(const TokenLayout& layout, uint64_t seed);

/// The k highest of each row of score [G, L], as a mask. NaN is lowest.
at::Tensor highest(const at::Tensor& score, int64_t k);

/// Rows of the patches of all frames, int64 [S, h w], and what [S, h w] says of them put into a
/// tensor of all rows, [R], with `special` for the others.
at::Tensor patch_rows(const TokenLayout& layout);
at::Tensor over_rows(const TokenLayout& layout, const at::Tensor& of_patches, int64_t special);

/// All sources may choose among all anchors. `sources` and `anchors` are counted, or read from
/// `role` (which waits for a GPU) if -1.
kernels::MatchBlocks scene_block(const at::Tensor& role,
                                 int64_t sources = -1,
                                 int64_t anchors = -1);

/// A block for each run of `run` patches in the row-major order of the grid, over `frames` frames:
/// the same places of frames that follow each other. Short ones at the ends.
struct WindowOptions {
  int64_t run = 128;
  int64_t frames = 30;
};
/// Which patches are anchors: (place in the run + step * frame in the window) mod period == 0.
struct AnchorPattern {
  int64_t period = 4;
  int64_t step = 1;
};
struct Windows {
  kernels::MatchBlocks blocks;
  std::vector<int64_t> sources;  ///< per block
  std::vector<int64_t> anchors;
};
Windows window_blocks(const TokenLayout& layout,
                      const WindowOptions& options,
                      const AnchorPattern& pattern,
                      FirstFrame first_frame);

/// anchor_of [M, R] of map_from_anchors(): every source goes to its anchor, all other rows to
/// themselves.
at::Tensor anchors_from_match(int64_t rows,
                              const kernels::MatchBlocks& blocks,
                              const kernels::Match& match);

/// As above, but of each block only the `merged[b]` sources with the highest scores are merged.
at::Tensor anchors_from_match(int64_t rows,
                              const kernels::MatchBlocks& blocks,
                              const kernels::Match& match,
                              const std::vector<int64_t>& merged);

/// The `count` rows of all maps together that deviate most from the mean of their slot leave it and
/// stand alone; a group whose anchor leaves is named by its lowest remaining row. x [R, C] ->
/// anchor_of [M, R]. With count = M R nothing is merged.
at::Tensor release_outliers(const TokenMap& map, const at::Tensor& x, int64_t count);

}  // namespace vggt::accel
