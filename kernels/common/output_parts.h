// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

#include "kernels/common/scratch.h"

namespace vggt::kernels {

/// Divides an output of rows x out among the threads: parts of `columns` columns, which pack their
/// weights once, and of all rows if the columns alone keep every thread busy.
/// compute(row_begin, row_end, column_begin, column_end, scratch): `scratch_words` words of its own.
void for_each_output_part(
    int64_t rows, int64_t out, int64_t columns, int64_t scratch_words, const auto& compute) {
  const int64_t column_parts = (out + columns - 1) / columns;
  const int64_t wanted = 4 * static_cast<int64_t>(at::get_num_threads());
  const int64_t row_parts = std::clamp<int64_t>(wanted / column_parts, 1, (rows + 383) / 384);
  const int64_t part_rows = (rows + row_parts - 1) / row_parts;
  at::parallel_for(0, column_parts * row_parts, 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(scratch_words);
    for (int64_t part = begin; part < end; ++part) {
      const int64_t column = part % column_parts * columns;
      const int64_t row = part / column_parts * part_rows;
      compute(row,
              std::min(row + part_rows, rows),
              column,
              std::min(column + columns, out),
              scratch.words());
    }
  });
}

}  // namespace vggt::kernels
