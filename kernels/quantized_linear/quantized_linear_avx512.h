// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::kernels {

/// What the codes of a matrix are, for the CPU's passes.
enum class PackedCodes { kFp8, kInt8, kInt4 };

/// y = act((x W^T) row_scale column_scale + b). Sizes and strides in elements; bfloat16 as
/// uint16_t. With `integer`, x is [rows, in] unsigned bytes, 128 above their value, and sums are
/// integers; else bfloat16.
struct QuantizedLinearParams {
  const void* x;
  const float* row_scales;  ///< [rows], or null: 1
  const uint8_t* codes;     ///< [out, in], two a byte for kInt4
  const float* scales;      ///< [out]; kInt4 [out, in / group], within the decoded weights
  const uint8_t* zeros;     ///< kInt4 [out, in / group]
  const float* bias;        ///< [out], or null
  void* y;                  ///< [rows, out], float or bfloat16
  int64_t rows;
  int64_t in;  ///< a multiple of 4
  int64_t out;
  int64_t group;  ///< kInt4, a multiple of 16
  PackedCodes format;
  bool integer;
  bool gelu;
  bool y_is_float;
};

/// Words of scratch, aligned to 64 bytes, that `columns` of the output need at a time.
int64_t quantized_linear_scratch_words(const QuantizedLinearParams& params, int64_t columns);

/// How many columns of the output one call should compute, a multiple of 64.
int64_t quantized_linear_columns(const QuantizedLinearParams& params);

/// Rows [row_begin, row_end) of columns [column_begin, column_end); column_begin a multiple of 64.
void quantized_linear_avx512(const QuantizedLinearParams& params,
                             int64_t row_begin,
                             int64_t row_end,
                             int64_t column_begin,
                             int64_t column_end,
                             uint32_t* scratch);

/// What quantises rows: x [.., columns] float or bfloat16, times `input_scale` [columns] unless null.
struct RowsParams {
  const void* x;
  bool x_is_float;
  const float* input_scale;
  int64_t columns;
  float* scales;  ///< out, one a row
};

/// Rows [begin, end) as what the products take: unsigned bytes, or the E4M3 values in bfloat16; and
/// their scales. As quantize_rows() does it, bit for bit.
void quantize_rows_int8_avx512(const RowsParams& params,
                               int64_t begin,
                               int64_t end,
                               uint8_t* codes);
void quantize_rows_fp8_avx512(const RowsParams& params,
                              int64_t begin,
                              int64_t end,
                              uint16_t* values);

}  // namespace vggt::kernels
