// SPDX-License-Identifier: Apache-2.0
#include "src/image/image_header.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace vggt {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kJpegSignature = "\xff\xd8\xff";
constexpr std::string_view kExifSignature("Exif\0\0", 6);
constexpr std::string_view kBigEndianTiff("MM\0*", 4);
constexpr std::string_view kLittleEndianTiff("II*\0", 4);

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

/// The first directory of a TIFF file or of EXIF, which has the same structure.
class TiffDirectory {
 public:
  explicit TiffDirectory(Bytes tiff)
      : tiff_(tiff),
        big_endian_(starts_with(tiff, kBigEndianTiff)),
        valid_(big_endian_ || starts_with(tiff, kLittleEndianTiff)) {
    begin_ = number(4, 4);
  }

  /// Whether all its entries are within the bytes.
  bool complete() const {
    return valid_ && number_at(tiff_, begin_ + kEntry * number(begin_, 2), 2).has_value();
  }

  /// Where the four bytes of the value of an entry of this type lie, if it has one value.
  std::optional<size_t> value_at(uint32_t tag, uint32_t type) const {
    const auto entry = find(tag);
    if (!entry || number(*entry + 2, 2) != type) return std::nullopt;
    if (!number_at(tiff_, *entry + 8, 4)) return std::nullopt;
    return *entry + 8;
  }

  /// The values of an entry of short or long numbers; nothing where they are not within the bytes.
  std::optional<std::vector<uint32_t>> numbers(uint32_t tag) const {
    const auto entry = find(tag);
    if (!entry) return std::nullopt;
    const uint32_t type = number(*entry + 2, 2);
    const size_t count = number(*entry + 4, 4);
    const size_t size = type == kShort ? 2 : 4;
    if ((type != kShort && type != kLong) || count > tiff_.size() / size) return std::nullopt;
    const size_t at = count * size <= 4 ? *entry + 8 : number(*entry + 8, 4);
    std::vector<uint32_t> values;
    for (size_t i = 0; i < count; ++i) {
      const auto value = number_at(tiff_, at + i * size, size, big_endian_);
      if (!value) return std::nullopt;
      values.push_back(*value);
    }
    return values;
  }

  bool has(uint32_t tag) const { return find(tag).has_value(); }

  uint32_t number(size_t offset, size_t size) const {
    return number_at(tiff_, offset, size, big_endian_).value_or(0);
  }

  static constexpr uint32_t kShort = 3;
  static constexpr uint32_t kLong = 4;

 private:
  static constexpr size_t kEntry = 12;

  std::optional<size_t> find(uint32_t tag) const {
    const size_t entries = valid_ ? number(begin_, 2) : 0;
    for (size_t i = 0; i < entries; ++i) {
      const size_t entry = begin_ + 2 + kEntry * i;
      if (number(entry, 2) == tag) return entry;
    }
    return std::nullopt;
  }

  Bytes tiff_;
  bool big_endian_;
  bool valid_;
  size_t begin_ = 0;
};

constexpr uint32_t kOrientationTag = 0x0112;

/// The orientation in EXIF's TIFF structure, 1 unless it is there and valid.
int orientation_in_tiff(Bytes tiff) {
  const TiffDirectory directory(tiff);
  const auto at = directory.value_at(kOrientationTag, TiffDirectory::kShort);
  const uint32_t value = at ? directory.number(*at, 2) : 1;
  return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
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

/// Whether all strips or tiles of the first picture are within the file.
bool has_all_strips(Bytes file, const TiffDirectory& directory) {
  struct Tags {
    uint32_t offsets;
    uint32_t sizes;
  };
  for (const auto [offsets_tag, sizes_tag] : {Tags{273, 279}, Tags{324, 325}}) {
    if (!directory.has(offsets_tag)) continue;
    const auto offsets = directory.numbers(offsets_tag);
    const auto sizes = directory.numbers(sizes_tag);
    if (!offsets) return false;
    if (!sizes) return !directory.has(sizes_tag);  // old programs leave them out
    for (size_t i = 0; i < std::min(offsets->size(), sizes->size()); ++i) {
      if (uint64_t{(*offsets)[i]} + (*sizes)[i] > file.size()) return false;
    }
  }
  return true;
}

ImageHeader read_tiff_header(Bytes file) {
  constexpr uint32_t kKindTag = 254;
  constexpr uint32_t kPreview = 1;
  const TiffDirectory directory(file);
  ImageHeader header;
  const auto kind = directory.value_at(kKindTag, TiffDirectory::kLong);
  if (kind && (directory.number(*kind, 4) & kPreview) != 0) return header;
  header.format = ImageFormat::kTiff;
  header.complete = directory.complete() && has_all_strips(file, directory);
  header.orientation = orientation_in_tiff(file);
  header.tiff_orientation_at = directory.value_at(kOrientationTag, TiffDirectory::kShort);
  return header;
}

struct RiffChunk {
  size_t size;  ///< with its frame and the byte that makes it even
  Bytes type;
  Bytes content;
};

/// The RIFF chunk at the beginning of `bytes`, or nothing where it does not fit.
std::optional<RiffChunk> first_riff_chunk(Bytes bytes) {
  constexpr size_t kFrame = 8;
  const auto length = number_at(bytes, 4, 4, false);
  if (!length || bytes.size() - kFrame < *length) return std::nullopt;
  const size_t size = std::min(bytes.size(), kFrame + *length + *length % 2);
  return RiffChunk{size, bytes.first(4), bytes.subspan(kFrame, *length)};
}

constexpr size_t kWebpStart = 12;  // "RIFF", length, "WEBP"

bool is_webp(Bytes file) {
  return file.size() >= kWebpStart && starts_with(file, "RIFF") &&
         starts_with(file.subspan(8), "WEBP");
}

ImageHeader read_webp_header(Bytes file) {
  ImageHeader header;
  header.format = ImageFormat::kWebp;
  header.complete = number_at(file, 4, 4, false).value_or(0) <= file.size() - 8;
  Bytes rest = file.subspan(kWebpStart);
  while (const auto chunk = first_riff_chunk(rest)) {
    if (starts_with(chunk->type, "ANMF")) header.webp_is_animated = true;
    if (starts_with(chunk->type, "EXIF")) {
      // The standard wants EXIF without the prefix that it has in JPEG; some programs write it.
      const bool prefixed = starts_with(chunk->content, kExifSignature);
      header.orientation =
          orientation_in_tiff(chunk->content.subspan(prefixed ? kExifSignature.size() : 0));
    }
    rest = rest.subspan(chunk->size);
  }
  return header;
}

/// "BM" alone would be the beginning of many texts.
bool is_bmp(Bytes file) {
  constexpr uint32_t kHeaderSizes[] = {12, 40, 52, 56, 64, 108, 124};
  const uint32_t size = number_at(file, 14, 4, false).value_or(0);
  return starts_with(file, "BM") &&
         std::find(std::begin(kHeaderSizes), std::end(kHeaderSizes), size) !=
             std::end(kHeaderSizes);
}

ImageHeader read_bmp_header(Bytes file) {
  constexpr uint32_t kOldHeader = 12;
  ImageHeader header;
  header.format = ImageFormat::kBmp;
  const auto number = [&](size_t offset, size_t size) {
    return number_at(file, offset, size, false).value_or(0);
  };
  if (number(14, 4) == kOldHeader) {
    header.complete = number(2, 4) <= file.size();
    return header;
  }
  const uint32_t compression = number(30, 4);
  if (compression == 1 || compression == 2) {  // run lengths: only the file's size can be asked
    header.complete = number(2, 4) <= file.size();
    return header;
  }
  const uint64_t width = number(18, 4);
  const int64_t height = static_cast<int32_t>(number(22, 4));  // negative: from the top down
  const uint64_t row_bytes = (width * number(28, 2) + 31) / 32 * 4;
  // Sides beyond what any decoder takes are not a matter of the file's end, nor of this product.
  header.complete =
      width > (1u << 24) || std::abs(height) > (1 << 24) ||
      number(10, 4) + row_bytes * static_cast<uint64_t>(std::abs(height)) <= file.size();
  return header;
}

/// Whether the file's first box names a brand of still pictures; films have that box, too.
bool is_heif(Bytes file) {
  constexpr std::string_view kBrands[] = {
      "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "avif", "avis"};
  if (file.size() < 16 || !starts_with(file.subspan(4), "ftyp")) return false;
  const size_t end = std::min<size_t>(number_at(file, 0, 4).value_or(0), file.size());
  for (size_t at = 8; at + 4 <= end; at += 4) {  // the main brand, its version, compatible ones
    const Bytes brand = file.subspan(at, 4);
    if (std::any_of(std::begin(kBrands), std::end(kBrands), [&](std::string_view known) {
          return starts_with(brand, known);
        })) {
      return true;
    }
  }
  return false;
}

ImageHeader read_heif_header(Bytes file) {
  ImageHeader header;
  header.format = ImageFormat::kHeif;
  bool has_directory = false;
  Bytes rest = file;
  while (rest.size() >= 8) {
    uint64_t size = number_at(rest, 0, 4).value_or(0);
    if (size == 1) {
      size = uint64_t{number_at(rest, 8, 4).value_or(0)} << 32 | number_at(rest, 12, 4).value_or(0);
    }
    if (size == 0) size = rest.size();  // to the end of the file
    if (size < 8 || size > rest.size()) return header;
    has_directory |= starts_with(rest.subspan(4), "meta");
    rest = rest.subspan(size);
  }
  header.complete = has_directory;
  return header;
}

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table = {};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) ? 0xedb88320u ^ value >> 1 : value >> 1;
    table[i] = value;
  }
  return table;
}

uint32_t crc32(Bytes bytes) {
  static constexpr std::array<uint32_t, 256> kTable = crc_table();
  uint32_t crc = 0xffffffffu;
  for (const uint8_t byte : bytes) crc = kTable[(crc ^ byte) & 0xff] ^ crc >> 8;
  return ~crc;
}

void append_number(std::vector<uint8_t>& bytes, uint32_t value, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(value >> 8 * i));
}

void append(std::vector<uint8_t>& bytes, Bytes more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

void append(std::vector<uint8_t>& bytes, std::string_view more) {
  for (const char c : more) bytes.push_back(static_cast<uint8_t>(c));
}

}  // namespace

ImageHeader read_image_header(std::span<const uint8_t> file) {
  if (starts_with(file, kJpegSignature)) return read_jpeg_header(file);
  if (starts_with(file, kPngSignature)) return read_png_header(file);
  if (is_webp(file)) return read_webp_header(file);
  if (starts_with(file, kBigEndianTiff) || starts_with(file, kLittleEndianTiff)) {
    return read_tiff_header(file);
  }
  if (is_bmp(file)) return read_bmp_header(file);
  if (is_heif(file)) return read_heif_header(file);
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

bool png_checksums_fit(std::span<const uint8_t> png) {
  Bytes rest = png.subspan(kPngSignature.size());
  while (const auto chunk = first_chunk(rest)) {
    const Bytes whole = chunk->whole;
    const size_t end = whole.size() - 4;
    if (crc32(whole.subspan(4, end - 4)) != number_at(whole, end, 4)) return false;
    rest = rest.subspan(whole.size());
  }
  return true;
}

std::vector<uint8_t> first_webp_frame(std::span<const uint8_t> webp) {
  constexpr size_t kFrameHeader = 16;
  constexpr uint8_t kHasAlpha = 0x10;
  Bytes rest = webp.subspan(kWebpStart);
  while (const auto chunk = first_riff_chunk(rest)) {
    rest = rest.subspan(chunk->size);
    if (!starts_with(chunk->type, "ANMF") || chunk->content.size() < kFrameHeader) continue;
    const Bytes picture = chunk->content.subspan(kFrameHeader);
    std::vector<uint8_t> content;
    append(content, "WEBP");
    if (starts_with(picture, "ALPH")) {  // transparency apart from the picture wants a header
      append(content, "VP8X");
      append_number(content, 10, 4);
      append_number(content, kHasAlpha, 4);
      append(content, chunk->content.subspan(6, 6));  // width and height, less one, 24 bits each
    }
    append(content, picture);
    std::vector<uint8_t> result;
    append(result, "RIFF");
    append_number(result, static_cast<uint32_t>(content.size()), 4);
    append(result, content);
    return result;
  }
  return {};
}

}  // namespace vggt
