// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/temporary_folder.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vggt::testing {

using Bytes = std::vector<uint8_t>;

inline Bytes file_bytes(const std::string& path) {
  const std::string bytes = read_bytes(path);
  return {bytes.begin(), bytes.end()};
}

inline std::string_view as_text(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void append(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

/// EXIF's TIFF structure with an orientation and, before it, an entry of another kind.
inline Bytes tiff_orientation(uint8_t orientation, bool big_endian = true) {
  if (big_endian) {
    return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 2,                  //
            1,   0,   0, 3,  0, 0, 0, 1, 0, 9,           0, 0,  // width: 9
            1,   18,  0, 3,  0, 0, 0, 1, 0, orientation, 0, 0};
  }
  return {'I', 'I', 42, 0, 8, 0, 0, 0, 2,           0,        //
          0,   1,   3,  0, 1, 0, 0, 0, 9,           0, 0, 0,  //
          18,  1,   3,  0, 1, 0, 0, 0, orientation, 0, 0, 0};
}

/// `jpeg` with an EXIF segment as its first.
inline Bytes jpeg_with_exif(const Bytes& jpeg, const Bytes& tiff) {
  const size_t length = 2 + 6 + tiff.size();
  Bytes result(jpeg.begin(), jpeg.begin() + 2);
  append(result,
         {0xff, 0xe1, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length & 255)});
  append(result, {'E', 'x', 'i', 'f', 0, 0});
  append(result, tiff);
  result.insert(result.end(), jpeg.begin() + 2, jpeg.end());
  return result;
}

/// `png` with an eXIf chunk behind IHDR; its checksum is left 0, we do not read it.
inline Bytes png_with_exif(const Bytes& png, const Bytes& tiff) {
  constexpr size_t kHeaderEnd = 8 + 25;
  Bytes result(png.begin(), png.begin() + kHeaderEnd);
  append(result, {0, 0, 0, static_cast<uint8_t>(tiff.size()), 'e', 'X', 'I', 'f'});
  append(result, tiff);
  append(result, {0, 0, 0, 0});
  result.insert(result.end(), png.begin() + kHeaderEnd, png.end());
  return result;
}

}  // namespace vggt::testing
