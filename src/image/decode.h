// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace vggt {

struct DecodeOptions {
  /// Reads as the original model's loader does: EXIF orientation ignored, transparency of grey and
  /// palette pictures dropped, 16-bit grey clipped at 255. Otherwise pictures are turned upright
  /// (mirrors left out, see clockwise_quarter_turns), every transparency is blended onto white, and
  /// 16-bit grey keeps its high byte. Either way RGBA is blended onto white and 16-bit RGB keeps
  /// its high byte.
  bool like_original = false;
};

struct DecodedImage {
  at::Tensor rgb;                ///< [H, W, 3] uint8 on the CPU, upright
  int64_t stored_width_px = 0;   ///< before the orientation
  int64_t stored_height_px = 0;  ///< before the orientation
  int orientation = 1;           ///< EXIF orientation that was applied: 1, 3, 6 or 8
};

/// Reads a JPEG or PNG, told by its bytes and not by its name. Safe to call from several threads.
/// CMYK JPEGs are read with OpenCV's conversion to RGB, one or two levels from the original's.
/// Throws IoError naming the file and the reason: missing, a folder, empty, unreadable, neither
/// JPEG nor PNG, cut off, larger than OpenCV's pixel limit, or damaged. A JPEG with damaged bytes
/// inside is not always noticed by its decoder, which then fills in grey.
DecodedImage decode_image(const std::string& path, const DecodeOptions& options = {});

/// The files directly in `folder` that end in .jpg, .jpeg or .png, in any case, as full paths in
/// natural order (2.jpg before 10.jpg). Names that begin with a dot are left out: copies of
/// systems' metadata. Throws IoError if the folder cannot be read or holds none.
std::vector<std::string> list_images(const std::string& folder);

}  // namespace vggt
