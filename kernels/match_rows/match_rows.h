// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt::kernels {

/// Sets of sources, each with the anchors that its sources may choose from. Lists of rows, CSR over
/// blocks; a row may be an anchor of many blocks, and a source of one.
struct MatchBlocks {
  at::Tensor source_offsets;  ///< int32 [B + 1]
  at::Tensor sources;         ///< int32 [n_src], rows
  at::Tensor anchor_offsets;  ///< int32 [B + 1]
  at::Tensor anchors;         ///< int32 [n_anchor], rows, ascending within a block
};

struct Match {
  at::Tensor anchor;  ///< int32 [M, n_src]: the row of the nearest anchor; the source's own row if
                      ///< its block has none, the block's first if no score is a number
  at::Tensor score;   ///< float32 [M, n_src]: the cosine to it; -2 where there is none
};

/// The most similar anchor of each source, by the cosine of its row, for each of `maps` equal
/// column groups on its own. Products, norms and comparison in float32 of bf16 or float32 rows; of equal
/// scores the lowest row wins, NaN never does. Never holds sources x anchors scores.
///
/// x       [R, C], float or bfloat16, last stride 1; C a multiple of maps
/// Throws c10::Error if a shape or dtype does not fit.
Match match_rows(const at::Tensor& x, int64_t maps, const MatchBlocks& blocks);

/// The same by LibTorch's calls on any device, which CUDA takes; reads the blocks' sizes back.
Match match_rows_tiled(const at::Tensor& x, int64_t maps, const MatchBlocks& blocks);

/// The same in float64, block by block, all scores in memory: what match_rows() is tested against.
Match match_rows_reference(const at::Tensor& x, int64_t maps, const MatchBlocks& blocks);

}  // namespace vggt::kernels
