// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::kernels {

/// y = act(conv(resize(x) + position) + added), a 3x3 convolution with a border of one zero. All
/// arrays are float, rows of pixels contiguous.
struct Conv3x3Params {
  const float* x;          ///< [images, x_rows, x_columns, in]
  const float* panels;     ///< transformed weights [36, blocks, in, block]
  const float* bias;       ///< [out], or null
  const float* added[2];   ///< [images, rows, columns, out] each, or null
  const float* by_column;  ///< [columns, in / 2], added to the first half of the channels; or null
  const float* by_row;     ///< [rows, in / 2], to the second half; null with by_column
  float* y;                ///< [images, rows, columns, out]
  int64_t images;
  int64_t x_rows;
  int64_t x_columns;
  int64_t rows;
  int64_t columns;
  int64_t in;
  int64_t out;
  int64_t block;  ///< columns of a panel, 32 or 64
  bool relu;
};

/// Tiles of 4 x 4 pixels that cover all images.
int64_t conv3x3_tiles(const Conv3x3Params& params);

/// How many tiles one call should take: few read the weights too often, many leave the cache.
struct TileRange {
  int64_t least;
  int64_t most;
  int64_t step;  ///< a multiple of this
};
TileRange conv3x3_tiles_per_call(const Conv3x3Params& params);

/// Words of scratch, aligned to 64 bytes, for a call of `tiles`.
int64_t conv3x3_scratch_words(const Conv3x3Params& params, int64_t tiles);

/// Tiles [tile_begin, tile_end) of the output channels of blocks [block_begin, block_end).
void conv3x3_avx512(const Conv3x3Params& params,
                    int64_t tile_begin,
                    int64_t tile_end,
                    int64_t block_begin,
                    int64_t block_end,
                    uint32_t* scratch);

}  // namespace vggt::kernels
