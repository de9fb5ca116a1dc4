// SPDX-License-Identifier: Apache-2.0
#include "src/io/utf8.h"

#include <cstdint>
#include <stdexcept>

namespace vggt {
namespace {

constexpr char32_t kEscape = 0xDC00;  // U+DC80 to U+DCFF stand for the bytes 0x80 to 0xFF
constexpr char32_t kReplacement = 0xFFFD;

bool is_surrogate(char32_t point) { return point >= 0xD800 && point <= 0xDFFF; }

bool is_escape(char32_t point) { return point >= kEscape + 0x80 && point <= kEscape + 0xFF; }

// The code point at the start of `bytes`, and how many bytes it takes; 0 if it is no UTF-8:
// truncated, overlong, a surrogate or beyond Unicode.
size_t decode(std::string_view bytes, char32_t& point) {
  const auto lead = static_cast<uint8_t>(bytes[0]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (size == 0 || lead > 0xF4 || size > bytes.size()) return 0;
  point = size == 1 ? lead : lead & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<uint8_t>(bytes[i]);
    if ((next & 0xC0) != 0x80) return 0;
    point = point << 6 | (next & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  return point < kLeast[size] || is_surrogate(point) || point > 0x10FFFF ? 0 : size;
}

void encode(char32_t point, std::string& bytes) {
  const auto tail = [&](int shift) { bytes += static_cast<char>(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) {
    bytes += static_cast<char>(point);
  } else if (point < 0x800) {
    bytes += static_cast<char>(0xC0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    bytes += static_cast<char>(0xE0 | point >> 12);
    tail(6);
    tail(0);
  } else {
    bytes += static_cast<char>(0xF0 | point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

std::u32string code_points(std::string_view bytes) {
  std::u32string points;
  while (!bytes.empty()) {
    char32_t point = 0;
    const size_t size = decode(bytes, point);
    points += size > 0 ? point : kEscape + static_cast<uint8_t>(bytes[0]);
    bytes.remove_prefix(size > 0 ? size : 1);
  }
  return points;
}

std::string bytes_of(std::u32string_view code_points) {
  std::string bytes;
  for (const char32_t point : code_points) {
    if (point > 0x10FFFF || (is_surrogate(point) && !is_escape(point))) {
      throw std::invalid_argument("bytes_of: no code point: " +
                                  std::to_string(static_cast<uint32_t>(point)));
    }
    if (is_escape(point)) {
      bytes += static_cast<char>(point - kEscape);
    } else {
      encode(point, bytes);
    }
  }
  return bytes;
}

std::string valid_utf8(std::string_view bytes) {
  std::u32string points = code_points(bytes);
  for (char32_t& point : points) {
    if (is_escape(point)) point = kReplacement;
  }
  return bytes_of(points);
}

}  // namespace vggt
