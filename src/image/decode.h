// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

namespace vggt {

struct DecodeOptions {
  /// Reads JPEG and PNG as the original model's loader does: EXIF orientation ignored, transparency
  /// of grey and palette pictures dropped, 16-bit grey clipped at 255. Otherwise, and in all other
  /// formats, pictures are turned upright (mirrors left out, see clockwise_quarter_turns), every
  /// transparency is blended onto white, and 16 bits keep their high byte. Either way RGBA is
  /// blended onto white and 16-bit RGB keeps its high byte.
  bool like_original = false;
};

struct DecodedImage {
  at::Tensor rgb;                ///< [H, W, 3] uint8 on the CPU, upright
  int64_t stored_width_px = 0;   ///< before the orientation
  int64_t stored_height_px = 0;  ///< before the orientation
  int orientation = 1;           ///< EXIF orientation that was applied: 1, 3, 6 or 8
};

/// Reads a JPEG, PNG, WebP, TIFF, BMP, HEIC or AVIF (the last two if has_heif()), told by its bytes
/// and not by its name. Safe to call from several threads.
///
/// Of animations and files of several pages the first picture is read. CMYK JPEGs are read with
/// OpenCV's conversion to RGB, one or two levels from the original's. HEIC and AVIF come as their
/// container turns and mirrors them: stored is then what is seen, and the orientation 1.
///
/// Throws IoError naming the file and the reason: missing, a folder, empty, unreadable, another
/// format, cut off, larger than OpenCV's pixel limit, or damaged. A JPEG with damaged bytes inside
/// is not always noticed by its decoder, which then fills in grey.
DecodedImage decode_image(const std::string& path, const DecodeOptions& options = {});

}  // namespace vggt
