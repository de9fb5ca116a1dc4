// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace vggt {

/// kHeif is HEIC and AVIF, which share a container.
enum class ImageFormat { kJpeg, kPng, kWebp, kTiff, kBmp, kHeif, kOther };

/// What the bytes of a picture's file say before anything is decoded.
struct ImageHeader {
  ImageFormat format = ImageFormat::kOther;
  bool complete = false;  ///< all is there that the file speaks of; false if it was cut off
  int orientation = 1;    ///< EXIF orientation 1..8; 1 where none is given or EXIF is damaged
  bool png_has_alpha_channel = false;  ///< grey or RGB with alpha, not a transparent colour
  bool png_has_colour = false;         ///< RGB or palette, not grey
  int png_bit_depth = 8;
  std::optional<int> png_transparent_grey;  ///< this grey value is transparent (tRNS)
  bool webp_is_animated = false;
  /// Where a TIFF has its orientation, two bytes that libraries would apply in their own ways.
  std::optional<size_t> tiff_orientation_at;
};

/// Walks the markers of a JPEG, the chunks of a PNG or WebP, the first directory of a TIFF, the
/// boxes of HEIC and AVIF. TIFFs that begin with a preview, as raw files of cameras do, are kOther.
/// HEIC and AVIF have orientation 1: what turns them is no EXIF, and their decoder applies it.
/// Never throws: what cannot be read is left out.
ImageHeader read_image_header(std::span<const uint8_t> file);

/// The PNG without its ancillary chunks other than transparency: those do not change how we read
/// the pixels, but damaged ones (colour profiles above all) make libpng print warnings.
std::vector<uint8_t> without_ancillary_chunks(std::span<const uint8_t> png);

/// Whether the checksums of all chunks are right: asked before libpng, which prints on finding out.
bool png_checksums_fit(std::span<const uint8_t> png);

/// The first frame of an animated WebP as a still one, without what surrounds it where the frame is
/// smaller than the whole. Empty where there is none.
std::vector<uint8_t> first_webp_frame(std::span<const uint8_t> webp);

}  // namespace vggt
