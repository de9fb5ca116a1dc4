// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::kernels {

/// y = act(x W^T + b). Sizes and strides in elements; bfloat16 as uint16_t.
struct LinearParams {
  const uint16_t* x;       ///< [rows, in], rows `x_stride` apart
  const uint16_t* weight;  ///< [out, in]
  const float* bias;       ///< [out], or null
  void* y;                 ///< [rows, out], float or bfloat16
  int64_t rows;
  int64_t in;  ///< even
  int64_t out;
  int64_t x_stride;
  bool gelu;
  bool y_is_float;
};

/// Words of scratch, aligned to 64 bytes, that `columns` of the output need at a time.
int64_t linear_scratch_words(const LinearParams& params, int64_t columns);

/// How many columns of the output one call should compute, a multiple of 64: their part of the
/// weights stays in the second-level cache.
int64_t linear_columns(const LinearParams& params);

/// Rows [row_begin, row_end) of columns [column_begin, column_end); column_begin a multiple of 64.
void linear_avx512(const LinearParams& params,
                   int64_t row_begin,
                   int64_t row_end,
                   int64_t column_begin,
                   int64_t column_end,
                   uint32_t* scratch);

}  // namespace vggt::kernels
