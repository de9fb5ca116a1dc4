// SPDX-License-Identifier: Apache-2.0
#include "src/image/image_header.h"

#include <algorithm>
#include <string_view>

namespace vggt {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kJpegSignature = "\xff\xd8\xff";
constexpr std::string_view kExifSignature("Exif\0\0", 6);

bool starts_with(Bytes bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), bytes.begin(), [](char a, uint8_t b) {
           return static_cast<uint8_t>(a) == b;
         });
}

/// An unsigned number of `size` bytes at `offset`, or nothing where the bytes end before it.
std::optional<uint32_t> number_at(Bytes bytes, size_t offset, size_t size, bool big_endian = true) {
  if (offset > bytes.size() || bytes.size() - offset < size) return std::nullopt;
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    value = value << 8 | bytes[offset + (big_endian ? i : size - 1 - i)];
  }
  return value;
}

/// The orientation in EXIF's TIFF structure, 1 unless it is there and valid.
int orientation_in_tiff(Bytes tiff) {
  constexpr uint32_t kOrientationTag = 0x0112;
  constexpr uint32_t kShort = 3;
  const bool big_endian = starts_with(tiff, std::string_view("MM\0*", 4));
  if (!big_endian && !starts_with(tiff, std::string_view("II*\0", 4))) return 1;
  const auto number = [&](size_t offset, size_t size) {
    return number_at(tiff, offset, size, big_endian).value_or(0);
  };
  const size_t directory = number(4, 4);
  const size_t entries = number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (number(entry, 2) != kOrientationTag) continue;
    const uint32_t value = number(entry + 8, 2);
    const bool valid = number(entry + 2, 2) == kShort && value >= 1 && value <= 8;
    return valid ? static_cast<int>(value) : 1;
  }
  return 1;
}

ImageHeader read_jpeg_header(Bytes file) {
  constexpr uint8_t kStart = 0xd8;
  constexpr uint8_t kEnd = 0xd9;
  constexpr uint8_t kApp1 = 0xe1;
  ImageHeader header;
  header.format = ImageFormat::kJpeg;
  bool has_exif = false;
  // Coded data lies between the markers; an 0xff in it is followed by 0 or by a marker without a
  // length. Walking to the first end marker, not searching backwards, passes over thumbnails, which
  // have their own, and is not misled by what phones append (films, second pictures).
  for (auto at = file.begin(); (at = std::find(at, file.end(), 0xff)) != file.end();) {
    at = std::find_if(at, file.end(), [](uint8_t byte) { return byte != 0xff; });
    if (at == file.end()) break;
    const uint8_t marker = *at++;
    if (marker == kEnd) {
      header.complete = true;
      break;
    }
    const bool has_length = marker > 0x01 && marker != kStart && (marker < 0xd0 || marker > 0xd7);
    if (!has_length) continue;
    const Bytes rest(at, file.end());
    const uint32_t length = number_at(rest, 0, 2).value_or(0);
    if (length < 2 || length > rest.size()) break;
    const Bytes content = rest.subspan(2, length - 2);
    if (marker == kApp1 && !has_exif && starts_with(content, kExifSignature)) {
      header.orientation = orientation_in_tiff(content.subspan(kExifSignature.size()));
      has_exif = true;
    }
    at += length;
  }
  return header;
}

struct Chunk {
  Bytes whole;  ///< length, type, content and checksum
  Bytes type;
  Bytes content;
};

/// The chunk at the beginning of `bytes`, or nothing where it does not fit.
std::optional<Chunk> first_chunk(Bytes bytes) {
  constexpr size_t kFrame = 12;
  const auto length = number_at(bytes, 0, 4);
  if (!length || bytes.size() < kFrame || bytes.size() - kFrame < *length) return std::nullopt;
  return Chunk{bytes.first(kFrame + *length), bytes.subspan(4, 4), bytes.subspan(8, *length)};
}

ImageHeader read_png_header(Bytes file) {
  ImageHeader header;
  header.format = ImageFormat::kPng;
  Bytes rest = file.subspan(kPngSignature.size());
  while (const auto chunk = first_chunk(rest)) {
    if (starts_with(chunk->type, "IHDR")) {
      const uint32_t colour_type = number_at(chunk->content, 9, 1).value_or(0);
      header.png_bit_depth = static_cast<int>(number_at(chunk->content, 8, 1).value_or(8));
      header.png_has_colour = (colour_type & 2) != 0;
      header.png_has_alpha_channel = (colour_type & 4) != 0;
    } else if (starts_with(chunk->type, "tRNS")) {
      const auto grey = number_at(chunk->content, 0, 2);
      if (grey && !header.png_has_colour) header.png_transparent_grey = static_cast<int>(*grey);
    } else if (starts_with(chunk->type, "eXIf")) {
      header.orientation = orientation_in_tiff(chunk->content);
    } else if (starts_with(chunk->type, "IEND")) {
      header.complete = true;
      break;
    }
    rest = rest.subspan(chunk->whole.size());
  }
  return header;
}

}  // namespace

ImageHeader read_image_header(std::span<const uint8_t> file) {
  if (starts_with(file, kJpegSignature)) return read_jpeg_header(file);
  if (starts_with(file, kPngSignature)) return read_png_header(file);
  return {};
}

std::vector<uint8_t> without_ancillary_chunks(std::span<const uint8_t> png) {
  std::vector<uint8_t> result(png.begin(), png.begin() + kPngSignature.size());
  Bytes rest = png.subspan(kPngSignature.size());
  while (const auto chunk = first_chunk(rest)) {
    const bool critical = chunk->type[0] >= 'A' && chunk->type[0] <= 'Z';
    if (critical || starts_with(chunk->type, "tRNS")) {
      result.insert(result.end(), chunk->whole.begin(), chunk->whole.end());
    }
    rest = rest.subspan(chunk->whole.size());
  }
  return result;
}

}  // namespace vggt
