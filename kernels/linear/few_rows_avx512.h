// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::kernels {

/// y = x W^T + b in float32, for so few rows of x that reading W is what takes the time.
struct FewRowsParams {
  const float* x;       ///< [rows, in]
  const float* weight;  ///< [out, in]
  const float* bias;    ///< [out], or null
  float* y;             ///< [rows, out]
  int64_t rows;
  int64_t in;
  int64_t out;
};

/// Columns [begin, end) of the output.
void few_rows_avx512(const FewRowsParams& params, int64_t begin, int64_t end);

}  // namespace vggt::kernels
