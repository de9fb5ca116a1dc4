// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace vggt {

enum class ImageFormat { kJpeg, kPng, kOther };

/// What the bytes of a picture's file say before anything is decoded.
struct ImageHeader {
  ImageFormat format = ImageFormat::kOther;
  bool complete = false;  ///< the file goes on to its end marker; false if it was cut off
  int orientation = 1;    ///< EXIF orientation 1..8; 1 where none is given or EXIF is damaged
  bool png_has_alpha_channel = false;  ///< grey or RGB with alpha, not a transparent colour
  bool png_has_colour = false;         ///< RGB or palette, not grey
  int png_bit_depth = 8;
  std::optional<int> png_transparent_grey;  ///< this grey value is transparent (tRNS)
};

/// Walks the markers of a JPEG or the chunks of a PNG. Never throws: what cannot be read is left
/// out.
ImageHeader read_image_header(std::span<const uint8_t> file);

/// The PNG without its ancillary chunks other than transparency: those do not change how we read
/// the pixels, but damaged ones (colour profiles above all) make libpng print warnings.
std::vector<uint8_t> without_ancillary_chunks(std::span<const uint8_t> png);

}  // namespace vggt
