// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace vggt {

/// Resizes as Pillow 13.0's Image.resize(..., BICUBIC) does, to the byte: antialiased bicubic (a =
/// -0.5) with 22-bit fixed-point weights, first along the rows, then down the columns, each pass
/// rounded to uint8. As in Pillow since 13.0, and not before, pictures that lose far more height
/// than width are done in the other order, which moves some bytes by one.
///
/// image  [H, W, 3] uint8 on the CPU
/// Returns [new_height_px, new_width_px, 3] uint8, contiguous. Runs on the calling thread.
/// Throws c10::Error if the image or the size does not fit.
at::Tensor pillow_bicubic(const at::Tensor& image, int64_t new_height_px, int64_t new_width_px);

/// Rows [first_row, first_row + row_count) of that result, without computing the others.
at::Tensor pillow_bicubic_rows(const at::Tensor& image,
                               int64_t new_height_px,
                               int64_t new_width_px,
                               int64_t first_row,
                               int64_t row_count);

}  // namespace vggt
