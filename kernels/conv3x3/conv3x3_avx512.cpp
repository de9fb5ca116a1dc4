// SPDX-License-Identifier: Apache-2.0
// Winograd's F(4 x 4, 3 x 3): a tile of 4 x 4 pixels takes 36 products per pair of channels instead
// of 144. Its 6 x 6 inputs are transformed to 36 coefficients, each coefficient is a product of
// matrices, [tiles, in] times [in, out], and the 36 results are transformed back.
//
// A call transforms its tiles for all input channels, then takes the output channels by blocks of
// 64: per coefficient a panel [in, 64] of the weights, 64 KB at 256 channels, streams from the
// second-level cache past six tiles held in registers, 24 products to 4 loads, so that the rate of
// multiply-adds is the limit. The transforms are additions, 3 % of the work at 256 channels and a
// fifth at 128 to 32. Where the input is resized first, each tile interpolates the pixels that it
// does not share with its left neighbour: the resized map, up to 100 MB, is never written.
#include "kernels/conv3x3/conv3x3_avx512.h"

#include <immintrin.h>

#include <algorithm>

namespace vggt::kernels {
namespace {

constexpr int64_t kTile = 4;
constexpr int64_t kPatch = 6;
constexpr int64_t kCoefficients = kPatch * kPatch;
constexpr int kRows = 6;  // tiles per product: 6 x 4 sums, 4 panel words, 1 input in 32 registers

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline __mmask16 lanes(int64_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xffff)
                     : static_cast<__mmask16>((1U << (count > 0 ? count : 0)) - 1);
}

// Between coefficients; the odd line keeps 36 of them out of the same sets of the cache.
inline int64_t input_stride(int64_t tiles, int64_t in) {
  return ceil_div(tiles * in, 16) * 16 + 16;
}
inline int64_t product_stride(int64_t tiles, int64_t block) { return tiles * block + 16; }

inline __attribute__((always_inline)) void transform_input(const __m512 (&d)[6], __m512 (&o)[6]) {
  const __m512 four = _mm512_set1_ps(4.F);
  const __m512 five = _mm512_set1_ps(5.F);
  const __m512 a = _mm512_fnmadd_ps(four, d[2], d[4]);
  const __m512 b = _mm512_fnmadd_ps(four, d[1], d[3]);
  const __m512 c = _mm512_sub_ps(d[4], d[2]);
  const __m512 half = _mm512_sub_ps(d[3], d[1]);
  const __m512 e = _mm512_add_ps(half, half);
  o[0] = _mm512_fmadd_ps(four, d[0], _mm512_fnmadd_ps(five, d[2], d[4]));
  o[1] = _mm512_add_ps(a, b);
  o[2] = _mm512_sub_ps(a, b);
  o[3] = _mm512_add_ps(c, e);
  o[4] = _mm512_sub_ps(c, e);
  o[5] = _mm512_fmadd_ps(four, d[1], _mm512_fnmadd_ps(five, d[3], d[5]));
}

inline __attribute__((always_inline)) void transform_output(const __m512 (&m)[6], __m512 (&y)[4]) {
  const __m512 s1 = _mm512_add_ps(m[1], m[2]);
  const __m512 d1 = _mm512_sub_ps(m[1], m[2]);
  const __m512 s2 = _mm512_add_ps(m[3], m[4]);
  const __m512 d2 = _mm512_sub_ps(m[3], m[4]);
  y[0] = _mm512_add_ps(_mm512_add_ps(m[0], s1), s2);
  y[1] = _mm512_fmadd_ps(_mm512_set1_ps(2.F), d2, d1);
  y[2] = _mm512_fmadd_ps(_mm512_set1_ps(4.F), s2, s1);
  y[3] = _mm512_add_ps(_mm512_fmadd_ps(_mm512_set1_ps(8.F), d2, d1), m[5]);
}

struct TilePlace {
  int64_t image;
  int64_t row;  // of the first output pixel
  int64_t column;
};

TilePlace place_of(const Conv3x3Params& params, int64_t tile) {
  const int64_t across = ceil_div(params.columns, kTile);
  const int64_t per_image = ceil_div(params.rows, kTile) * across;
  const int64_t inside = tile % per_image;
  return {tile / per_image, inside / across * kTile, inside % across * kTile};
}

// Where align-corners interpolation reads for output index `at`.
struct Between {
  int64_t first;
  int64_t second;
  float share;  // of the second
};

Between between(int64_t at, int64_t from, int64_t to) {
  const float scale = to > 1 ? static_cast<float>(from - 1) / static_cast<float>(to - 1) : 0.F;
  const float position = scale * static_cast<float>(at);
  const int64_t first = std::min(static_cast<int64_t>(position), from - 1);
  return {first, std::min(first + 1, from - 1), position - static_cast<float>(first)};
}

// Channels [begin, end) of an interpolated pixel; `position`, which may be null, begins at `begin`.
inline __attribute__((always_inline)) void interpolate(const float* const (&corners)[4],
                                                       const float (&weights)[4],
                                                       const float* position,
                                                       int64_t begin,
                                                       int64_t end,
                                                       float* pixel) {
  const auto at = [&](int64_t c, __mmask16 mask) {
    __m512 sum =
        position ? _mm512_maskz_loadu_ps(mask, position + (c - begin)) : _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      sum = _mm512_fmadd_ps(
          _mm512_set1_ps(weights[i]), _mm512_maskz_loadu_ps(mask, corners[i] + c), sum);
    }
    _mm512_mask_storeu_ps(pixel + c, mask, sum);
  };
  int64_t c = begin;
  for (; c + 16 <= end; c += 16) at(c, 0xffff);
  if (c < end) at(c, lanes(end - c));
}

// The 6 x 6 pixels around a tile. `zeros` holds `in` zeros; `patch` room for 36 pixels, [6][6], a
// column in place (column + 1) mod 6. After its left neighbour a tile makes four new columns.
void find_pixels(const Conv3x3Params& params,
                 const TilePlace& place,
                 bool after_neighbour,
                 const float* zeros,
                 float* patch,
                 const float* (&pixels)[kCoefficients]) {
  const int64_t in = params.in;
  const int64_t half = in / 2;
  const bool resized = params.x_rows != params.rows || params.x_columns != params.columns;
  const bool made = resized || params.by_column;
  const float* image = params.x + place.image * params.x_rows * params.x_columns * in;
  Between columns[kPatch];
  for (int64_t j = 0; j < kPatch; ++j) {
    columns[j] =
        between(std::max<int64_t>(place.column + j - 1, 0), params.x_columns, params.columns);
  }
  for (int64_t i = 0; i < kPatch; ++i) {
    const int64_t row = place.row + i - 1;
    const bool row_inside = row >= 0 && row < params.rows;
    const Between rows = between(std::max<int64_t>(row, 0), params.x_rows, params.rows);
    for (int64_t j = 0; j < kPatch; ++j) {
      const int64_t column = place.column + j - 1;
      const float*& pixel = pixels[i * kPatch + j];
      if (!row_inside || column < 0 || column >= params.columns) {
        pixel = zeros;
        continue;
      }
      if (!made) {
        pixel = image + (row * params.columns + column) * in;
        continue;
      }
      float* room = patch + (i * kPatch + (column + 1) % kPatch) * in;
      pixel = room;
      if (after_neighbour && j < kPatch - kTile) continue;
      const auto source = [&](int64_t r, int64_t c) {
        return image + (r * params.x_columns + c) * in;
      };
      const Between& across = columns[j];
      const float* corners[] = {source(rows.first, across.first),
                                source(rows.first, across.second),
                                source(rows.second, across.first),
                                source(rows.second, across.second)};
      const float weights[] = {(1 - rows.share) * (1 - across.share),
                               (1 - rows.share) * across.share,
                               rows.share * (1 - across.share),
                               rows.share * across.share};
      if (params.by_column) {
        interpolate(corners, weights, params.by_column + column * half, 0, half, room);
        interpolate(corners, weights, params.by_row + row * half, half, in, room);
      } else {
        interpolate(corners, weights, nullptr, 0, in, room);
      }
    }
  }
}

// To `out`, whose coefficients are `stride` apart.
void transform_tile(const float* const (&pixels)[kCoefficients],
                    int64_t in,
                    int64_t stride,
                    float* out) {
  for (int64_t c = 0; c < in; c += 16) {
    const __mmask16 mask = lanes(in - c);
    __m512 half[kPatch][kPatch];
#pragma GCC unroll 6
    for (int64_t j = 0; j < kPatch; ++j) {
      __m512 d[6];
      __m512 o[6];
#pragma GCC unroll 6
      for (int64_t i = 0; i < kPatch; ++i) {
        d[i] = _mm512_maskz_loadu_ps(mask, pixels[i * kPatch + j] + c);
      }
      transform_input(d, o);
#pragma GCC unroll 6
      for (int64_t i = 0; i < kPatch; ++i) half[i][j] = o[i];
    }
#pragma GCC unroll 6
    for (int64_t i = 0; i < kPatch; ++i) {
      __m512 o[6];
      transform_input(half[i], o);
#pragma GCC unroll 6
      for (int64_t j = 0; j < kPatch; ++j) {
        _mm512_mask_storeu_ps(out + (i * kPatch + j) * stride + c, mask, o[j]);
      }
    }
  }
}

// products[tile][16 kVectors] of tiles x panel. The panel that comes next is fetched meanwhile:
// weights of small maps come from memory, a few products each.
template <int kVectors>
void multiply(const float* tiles,
              int64_t count,
              int64_t in,
              const float* panel,
              const float* next,
              float* products) {
  constexpr int64_t kBlock = 16 * kVectors;
  for (int64_t tile = 0; tile < count; tile += kRows) {
    const float* row[kRows];
    for (int64_t r = 0; r < kRows; ++r) row[r] = tiles + std::min(tile + r, count - 1) * in;
    const float* r0 = row[0];
    const float* r1 = row[1];
    const float* r2 = row[2];
    const float* r3 = row[3];
    const float* r4 = row[4];
    const float* r5 = row[5];
    __m512 sums[kRows][kVectors] = {};
    const int64_t fetched = std::min<int64_t>(tile / kRows, kVectors - 1) * in;
    for (int64_t k = 0; k < in; ++k) {
      _mm_prefetch(next + (fetched + k) * 16, _MM_HINT_T1);
      __m512 column[kVectors];
#pragma GCC unroll 4
      for (int c = 0; c < kVectors; ++c) column[c] = _mm512_load_ps(panel + k * kBlock + 16 * c);
      const float value[kRows] = {r0[k], r1[k], r2[k], r3[k], r4[k], r5[k]};
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        const __m512 x = _mm512_set1_ps(value[r]);
#pragma GCC unroll 4
        for (int c = 0; c < kVectors; ++c) sums[r][c] = _mm512_fmadd_ps(x, column[c], sums[r][c]);
      }
    }
#pragma GCC unroll 6
    for (int64_t r = 0; r < kRows; ++r) {
      if (tile + r >= count) break;
#pragma GCC unroll 4
      for (int c = 0; c < kVectors; ++c) {
        _mm512_storeu_ps(products + (tile + r) * kBlock + 16 * c, sums[r][c]);
      }
    }
  }
}

// One tile's results for the 16 channels from `channel` on. The coefficients of `products` are
// `stride` apart.
void finish_tile(const Conv3x3Params& params,
                 const TilePlace& place,
                 const float* products,
                 int64_t stride,
                 int64_t channel) {
  const __mmask16 mask = lanes(params.out - channel);
  __m512 half[kTile][kPatch];
#pragma GCC unroll 6
  for (int64_t j = 0; j < kPatch; ++j) {
    __m512 m[6];
    __m512 y[4];
#pragma GCC unroll 6
    for (int64_t i = 0; i < kPatch; ++i) {
      m[i] = _mm512_loadu_ps(products + (i * kPatch + j) * stride);
    }
    transform_output(m, y);
#pragma GCC unroll 4
    for (int64_t i = 0; i < kTile; ++i) half[i][j] = y[i];
  }
  const __m512 bias =
      params.bias ? _mm512_maskz_loadu_ps(mask, params.bias + channel) : _mm512_setzero_ps();
#pragma GCC unroll 4
  for (int64_t i = 0; i < kTile; ++i) {
    __m512 y[4];
    transform_output(half[i], y);
    if (place.row + i >= params.rows) break;
    const int64_t row = place.image * params.rows + place.row + i;
#pragma GCC unroll 4
    for (int64_t j = 0; j < kTile; ++j) {
      if (place.column + j >= params.columns) break;
      const int64_t at = (row * params.columns + place.column + j) * params.out + channel;
      __m512 value = _mm512_add_ps(y[j], bias);
      for (const float* added : params.added) {
        if (added) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, added + at));
      }
      // In this order a NaN stays one.
      if (params.relu) value = _mm512_max_ps(_mm512_setzero_ps(), value);
      _mm512_mask_storeu_ps(params.y + at, mask, value);
    }
  }
}

}  // namespace

int64_t conv3x3_tiles(const Conv3x3Params& params) {
  return params.images * ceil_div(params.rows, kTile) * ceil_div(params.columns, kTile);
}

TileRange conv3x3_tiles_per_call(const Conv3x3Params& params) {
  constexpr int64_t kInputBytes = 2 * 1024 * 1024;
  constexpr int64_t kLeast = 4 * kRows;
  const int64_t fitting = kInputBytes / (kCoefficients * params.in * 4) / kRows * kRows;
  return {kLeast, std::clamp<int64_t>(fitting, kLeast, 16 * kRows), kRows};
}

int64_t conv3x3_scratch_words(const Conv3x3Params& params, int64_t tiles) {
  const int64_t pixels = (kCoefficients + 1) * ceil_div(params.in, 16) * 16;
  return kCoefficients * (input_stride(tiles, params.in) + product_stride(tiles, params.block)) +
         pixels;
}

void conv3x3_avx512(const Conv3x3Params& params,
                    int64_t tile_begin,
                    int64_t tile_end,
                    int64_t block_begin,
                    int64_t block_end,
                    uint32_t* scratch) {
  const int64_t tiles = tile_end - tile_begin;
  const int64_t in = params.in;
  const int64_t stride = input_stride(tiles, in);
  const int64_t result_stride = product_stride(tiles, params.block);
  auto* coefficients = reinterpret_cast<float*>(scratch);
  float* products = coefficients + kCoefficients * stride;
  float* zeros = products + kCoefficients * result_stride;
  float* patch = zeros + ceil_div(in, 16) * 16;
  std::fill(zeros, zeros + in, 0.F);

  for (int64_t tile = 0; tile < tiles; ++tile) {
    const TilePlace place = place_of(params, tile_begin + tile);
    const float* pixels[kCoefficients];
    find_pixels(params, place, tile > 0 && place.column > 0, zeros, patch, pixels);
    transform_tile(pixels, in, stride, coefficients + tile * in);
  }
  const int64_t blocks = ceil_div(params.out, params.block);
  const auto panel_of = [&](int64_t block, int64_t k) {
    return params.panels + (k * blocks + block) * in * params.block;
  };
  for (int64_t block = block_begin; block < block_end; ++block) {
    for (int64_t k = 0; k < kCoefficients; ++k) {
      const float* panel = panel_of(block, k);
      const float* next = k + 1 < kCoefficients ? panel_of(block, k + 1)
                                                : panel_of(std::min(block + 1, blocks - 1), 0);
      const float* of_tiles = coefficients + k * stride;
      float* result = products + k * result_stride;
      if (params.block == 64) {
        multiply<4>(of_tiles, tiles, in, panel, next, result);
      } else {
        multiply<2>(of_tiles, tiles, in, panel, next, result);
      }
    }
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const TilePlace place = place_of(params, tile_begin + tile);
      for (int64_t c = 0; c < params.block && block * params.block + c < params.out; c += 16) {
        finish_tile(params,
                    place,
                    products + tile * params.block + c,
                    result_stride,
                    block * params.block + c);
      }
    }
  }
}

}  // namespace vggt::kernels
