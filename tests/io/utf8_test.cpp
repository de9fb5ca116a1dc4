// SPDX-License-Identifier: Apache-2.0
#include "src/io/utf8.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace vggt {
namespace {

TEST(Utf8, DecodesEveryLength) {
  EXPECT_EQ(code_points("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x93\xB7"), U"a\u00E9\u20AC\U0001F4F7");
}

// Python: os.fsdecode(b"a\xff") == "a\udcff".
TEST(Utf8, WhatIsNoUtf8IsEscapedAsPythonDoes) {
  const std::u32string points = code_points("a\xFF");
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(static_cast<uint32_t>(points[1]), 0xDCFFu);
}

TEST(Utf8, AnyBytesSurvive) {
  // Truncated, overlong, a surrogate, beyond Unicode, all single bytes.
  std::string bytes =
      "\xE2\x82|\xC0\xAF|\xE0\x80\xAF|\xED\xB3\xBF|\xF4\x90\x80\x80|\xF0\x9F\x93\xB7|";
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  EXPECT_EQ(bytes_of(code_points(bytes)), bytes);
}

TEST(Utf8, ReplacesWhatIsNoUtf8AndNothingElse) {
  EXPECT_EQ(valid_utf8("\xC3\xA9 \xED\xA0\x80 \xFF"),
            "\xC3\xA9 \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD \xEF\xBF\xBD");
}

TEST(Utf8, RefusesWhatIsNoCodePoint) {
  EXPECT_THROW(bytes_of(std::u32string(1, char32_t{0x110000})), std::invalid_argument);
  EXPECT_THROW(bytes_of(std::u32string(1, char32_t{0xD800})), std::invalid_argument);
}

}  // namespace
}  // namespace vggt
