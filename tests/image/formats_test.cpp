// SPDX-License-Identifier: Apache-2.0
// WebP, TIFF, BMP, HEIC and AVIF; JPEG and PNG are in decode_test.
#include "src/base/error.h"
#include "src/image/decode.h"
#include "src/image/heif.h"
#include "src/image/image_header.h"
#include "tests/image/picture_bytes.h"
#include "tests/support/message_of.h"

#include <ATen/ATen.h>

#include <gmock/gmock.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace vggt {
namespace {

using ::testing::AnyOf;
using testing::append;
using testing::as_text;
using testing::Bytes;
using testing::file_bytes;
using ::testing::HasSubstr;
using testing::tiff_orientation;

const std::string kImages = "tests/golden/image/";

/// Red and green above, blue and white below; blue first, as OpenCV has it.
cv::Mat quadrants(int width = 48, int height = 32) {
  cv::Mat picture(height, width, CV_8UC3, cv::Scalar(255, 255, 255));
  const cv::Rect quarter(0, 0, width / 2, height / 2);
  picture(quarter).setTo(cv::Scalar(0, 0, 255));
  picture(quarter + cv::Point(width / 2, 0)).setTo(cv::Scalar(0, 255, 0));
  picture(quarter + cv::Point(0, height / 2)).setTo(cv::Scalar(255, 0, 0));
  return picture;
}

Bytes encoded(const std::string& extension,
              const cv::Mat& picture,
              const std::vector<int>& parameters = {}) {
  Bytes bytes;
  EXPECT_TRUE(cv::imencode(extension, picture, bytes, parameters));
  return bytes;
}

DecodedImage decoded(const Bytes& bytes, const DecodeOptions& options = {}) {
  const TemporaryFolder folder;
  return decode_image(folder.write("picture", as_text(bytes)), options);
}

std::string failure(const Bytes& bytes) {
  return message_of<IoError>([&] { decoded(bytes); });
}

/// Of the middle of each quarter the first letter of its colour, row by row; a digit for others.
std::string colours(const at::Tensor& rgb) {
  std::string result;
  for (const int64_t y : {1, 3}) {
    for (const int64_t x : {1, 3}) {
      const uint8_t* pixel =
          rgb[y * rgb.size(0) / 4][x * rgb.size(1) / 4].contiguous().const_data_ptr<uint8_t>();
      int bits = 0;
      for (int c = 0; c < 3; ++c) bits |= (pixel[c] > 200) << c;
      for (int c = 0; c < 3; ++c) {
        if (pixel[c] > 55 && pixel[c] <= 200) bits = 8;
      }
      result += "0rg3b56w8"[bits];
    }
  }
  return result;
}

void append_little_endian(Bytes& bytes, uint32_t value, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(value >> 8 * i));
}

/// A TIFF of the quadrants, 8 bits, without compression, with these entries beside those it needs.
/// Entries: tag, type, value; all have one value.
Bytes tiff(const std::vector<std::array<uint32_t, 3>>& further, bool big_endian = false) {
  constexpr uint32_t kShort = 3, kLong = 4;
  const cv::Mat picture = quadrants();
  const auto width = static_cast<uint32_t>(picture.cols);
  const auto height = static_cast<uint32_t>(picture.rows);
  std::vector<std::array<uint32_t, 3>> entries = {{256, kLong, width},
                                                  {257, kLong, height},
                                                  {258, kShort, 8},
                                                  {259, kShort, 1},
                                                  {262, kShort, 2},
                                                  {273, kLong, 8},
                                                  {277, kShort, 3},
                                                  {278, kLong, height},
                                                  {279, kLong, 3 * width * height},
                                                  {284, kShort, 1}};
  entries.insert(entries.end(), further.begin(), further.end());
  std::sort(entries.begin(), entries.end());
  Bytes bytes;
  const auto number = [&](uint32_t value, int size) {
    for (int i = 0; i < size; ++i) {
      bytes.push_back(static_cast<uint8_t>(value >> 8 * (big_endian ? size - 1 - i : i)));
    }
  };
  append(bytes, big_endian ? Bytes{'M', 'M', 0, 42} : Bytes{'I', 'I', 42, 0});
  number(8 + 3 * width * height, 4);
  for (int y = 0; y < picture.rows; ++y) {
    for (int x = 0; x < picture.cols; ++x) {
      const auto pixel = picture.at<cv::Vec3b>(y, x);
      append(bytes, {pixel[2], pixel[1], pixel[0]});
    }
  }
  number(static_cast<uint32_t>(entries.size()), 2);
  for (const auto& [tag, type, value] : entries) {
    number(tag, 2);
    number(type, 2);
    number(1, 4);
    number(value, type == kShort ? 2 : 4);
    if (type == kShort) number(0, 2);
  }
  number(0, 4);
  return bytes;
}

Bytes riff_chunk(const std::string& type, const Bytes& content) {
  Bytes bytes(type.begin(), type.end());
  append_little_endian(bytes, static_cast<uint32_t>(content.size()), 4);
  append(bytes, content);
  if (content.size() % 2 == 1) bytes.push_back(0);
  return bytes;
}

Bytes webp(const std::vector<Bytes>& chunks) {
  Bytes content = {'W', 'E', 'B', 'P'};
  for (const Bytes& chunk : chunks) append(content, chunk);
  return riff_chunk("RIFF", content);
}

/// VP8X: what the file holds beside its picture.
Bytes webp_extensions(uint8_t flags, uint32_t width, uint32_t height) {
  Bytes content = {flags, 0, 0, 0};
  append_little_endian(content, width - 1, 3);
  append_little_endian(content, height - 1, 3);
  return riff_chunk("VP8X", content);
}

/// The chunks of the picture itself, as OpenCV encodes it: all after RIFF's header, and without the
/// VP8X that transparency brings.
Bytes webp_picture(const cv::Mat& picture, int quality) {
  const Bytes whole = encoded(".webp", picture, {cv::IMWRITE_WEBP_QUALITY, quality});
  const bool extended = as_text(whole).substr(12, 4) == "VP8X";
  return Bytes(whole.begin() + (extended ? 30 : 12), whole.end());
}

Bytes webp_frame(const cv::Mat& picture, int quality) {
  Bytes content(6, 0);
  append_little_endian(content, static_cast<uint32_t>(picture.cols - 1), 3);
  append_little_endian(content, static_cast<uint32_t>(picture.rows - 1), 3);
  append(content, {100, 0, 0, 0});
  append(content, webp_picture(picture, quality));
  return riff_chunk("ANMF", content);
}

constexpr int kLossless = 101;

TEST(Formats, ReadsWebpTiffAndBmp) {
  for (const Bytes& bytes : {encoded(".webp", quadrants(), {cv::IMWRITE_WEBP_QUALITY, kLossless}),
                             encoded(".webp", quadrants(), {cv::IMWRITE_WEBP_QUALITY, 80}),
                             encoded(".tiff", quadrants()),
                             encoded(".bmp", quadrants())}) {
    for (const bool like_original : {false, true}) {
      const DecodedImage image = decoded(bytes, {.like_original = like_original});
      EXPECT_EQ(image.rgb.sizes(), (at::IntArrayRef{32, 48, 3}));
      EXPECT_EQ(colours(image.rgb), "rgbw");
      EXPECT_EQ(image.stored_width_px, 48);
      EXPECT_EQ(image.stored_height_px, 32);
      EXPECT_EQ(image.orientation, 1);
    }
  }
}

TEST(Formats, KeepsTheHighByteOf16Bits) {
  for (const int channels : {1, 3}) {
    cv::Mat picture(2, 3, CV_16UC(channels));
    for (int i = 0; i < 6; ++i) {
      cv::Mat(picture, cv::Rect(i % 3, i / 3, 1, 1)).setTo(cv::Scalar::all(0x10ff + 0x2000 * i));
    }
    const at::Tensor rgb = decoded(encoded(".tiff", picture)).rgb;
    const at::Tensor expected = at::tensor({0x10, 0x30, 0x50, 0x70, 0x90, 0xb0}, at::kByte);
    EXPECT_TRUE(rgb.equal(expected.view({2, 3, 1}).expand({2, 3, 3}))) << rgb;
  }
}

TEST(Formats, BlendsTransparencyOntoWhite) {
  cv::Mat picture;
  cv::Mat alpha(32, 48, CV_8UC1, cv::Scalar(255));
  alpha(cv::Rect(0, 0, 24, 16)).setTo(cv::Scalar(0));
  cv::merge(std::vector<cv::Mat>{quadrants(), alpha}, picture);
  EXPECT_EQ(colours(decoded(encoded(".webp", picture, {cv::IMWRITE_WEBP_QUALITY, kLossless})).rgb),
            "wgbw");
  EXPECT_EQ(colours(decoded(encoded(".webp", picture, {cv::IMWRITE_WEBP_QUALITY, 80})).rgb),
            "wgbw");
}

TEST(Formats, BlendsTransparencyOfTiffsOnce) {
  // OpenCV writes what it is given without saying what the fourth channel is: premultiplied, then.
  const cv::Mat eight(2, 2, CV_8UC4, cv::Scalar(20, 40, 60, 128));
  EXPECT_TRUE(decoded(encoded(".tiff", eight))
                  .rgb.equal(at::tensor({187, 167, 147}, at::kByte).expand({2, 2, 3})));
  const cv::Mat sixteen(2, 2, CV_16UC4, cv::Scalar(0x2800, 0x5000, 0x7800, 0x8000));
  EXPECT_TRUE(decoded(encoded(".tiff", sixteen))
                  .rgb.equal(at::tensor({187, 167, 147}, at::kByte).expand({2, 2, 3})));
}

TEST(Formats, TurnsTiffsUprightWithoutMirrors) {
  const int applied[] = {1, 1, 3, 3, 6, 6, 8, 8};
  const std::string seen[] = {"rgbw", "wbgr", "brwg", "gwrb"};
  const std::string expected[] = {
      seen[0], seen[0], seen[1], seen[1], seen[2], seen[2], seen[3], seen[3]};
  for (uint32_t orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      SCOPED_TRACE(orientation);
      const DecodedImage image = decoded(tiff({{274, 3, orientation}}, big_endian));
      EXPECT_EQ(image.orientation, applied[orientation - 1]);
      EXPECT_EQ(colours(image.rgb), expected[orientation - 1]);
      EXPECT_EQ(image.stored_width_px, 48);
      EXPECT_EQ(image.stored_height_px, 32);
    }
  }
}

TEST(Formats, TurnsWebpsUpright) {
  const Bytes picture = webp_picture(quadrants(), kLossless);
  for (const bool prefixed : {false, true}) {
    Bytes exif = prefixed ? Bytes{'E', 'x', 'i', 'f', 0, 0} : Bytes();
    append(exif, tiff_orientation(6));
    const DecodedImage image =
        decoded(webp({webp_extensions(8, 48, 32), picture, riff_chunk("EXIF", exif)}));
    EXPECT_EQ(image.orientation, 6);
    EXPECT_EQ(colours(image.rgb), "brwg");
    EXPECT_EQ(image.stored_width_px, 48);
  }
}

TEST(Formats, ReadsTheFirstFrameOfAnimatedWebps) {
  cv::Mat transparent;
  cv::cvtColor(quadrants(), transparent, cv::COLOR_BGR2BGRA);
  transparent(cv::Rect(0, 0, 24, 16)).setTo(cv::Scalar(0, 0, 0, 0));
  const cv::Mat last(32, 48, CV_8UC3, cv::Scalar(0, 0, 0));
  const Bytes loop = riff_chunk("ANIM", {0, 0, 0, 0, 0, 0});
  for (const int quality : {80, kLossless}) {
    for (const bool has_alpha : {false, true}) {
      const cv::Mat first = has_alpha ? transparent : quadrants();
      const Bytes bytes = webp({webp_extensions(has_alpha ? 0x12 : 2, 48, 32),
                                loop,
                                webp_frame(first, quality),
                                webp_frame(last, quality)});
      EXPECT_EQ(colours(decoded(bytes).rgb), has_alpha ? "wgbw" : "rgbw");
    }
  }
  EXPECT_THAT(failure(webp({webp_extensions(2, 48, 32), riff_chunk("ANMF", {0, 0})})),
              HasSubstr("damaged"));
}

TEST(Formats, ReadsHeicAndAvifAsTheirContainerTurnsThem) {
  if (!has_heif()) {
    EXPECT_THAT(failure(file_bytes(kImages + "turned_48x32.heic")), HasSubstr("without libheif"));
    GTEST_SKIP() << "built without libheif";
  }
  const DecodedImage turned = decode_image(kImages + "turned_48x32.heic");
  EXPECT_EQ(turned.rgb.sizes(), (at::IntArrayRef{48, 32, 3}));
  EXPECT_EQ(colours(turned.rgb), "brwg");
  EXPECT_EQ(turned.orientation, 1);
  EXPECT_EQ(turned.stored_width_px, 32);
  EXPECT_EQ(turned.stored_height_px, 48);
  EXPECT_EQ(colours(decode_image(kImages + "alpha_48x32.avif").rgb), "wgbw");
  // 10 bits, grey from black on the left to white on the right.
  const at::Tensor ramp = decode_image(kImages + "deep_48x32.heic").rgb.select(2, 1)[16];
  const at::Tensor expected = at::linspace(0, 255, 48);
  EXPECT_LT((ramp.to(at::kFloat) - expected).abs().max().item<float>(), 4) << ramp;
}

TEST(Formats, NoticesTruncatedFilesAndPrintsNothing) {
  ::testing::internal::CaptureStderr();
  for (const Bytes& whole : {encoded(".webp", quadrants()),
                             encoded(".tiff", quadrants()),
                             tiff({}),
                             encoded(".bmp", quadrants()),
                             file_bytes(kImages + "turned_48x32.heic"),
                             file_bytes(kImages + "alpha_48x32.avif")}) {
    for (const size_t lost : {size_t{8}, size_t{20}, whole.size() / 2, whole.size() - 40}) {
      // The end of a TIFF may be a detail that only its decoder misses.
      EXPECT_THAT(failure(Bytes(whole.begin(), whole.end() - lost)),
                  AnyOf(HasSubstr("truncated"), HasSubstr("damaged")))
          << as_text(whole).substr(0, 4) << " without " << lost;
    }
  }
  // HEIC, cut where one box ends and the next begins.
  Bytes first_box = file_bytes(kImages + "turned_48x32.heic");
  first_box.resize(first_box[3]);
  EXPECT_THAT(failure(first_box), HasSubstr("truncated"));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Formats, NeverReadsHeadersPastTheEnd) {
  // Meaningful under the address sanitizer: every prefix, and every byte turned around.
  for (const Bytes& whole : {webp({webp_extensions(10, 48, 32),
                                   webp_frame(quadrants(), 80),
                                   riff_chunk("EXIF", tiff_orientation(6))}),
                             tiff({{274, 3, 6}}),
                             encoded(".bmp", quadrants()),
                             file_bytes(kImages + "turned_48x32.heic")}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      const Bytes prefix(whole.begin(), whole.begin() + size);
      const ImageHeader header = read_image_header(prefix);
      if (header.format == ImageFormat::kWebp) first_webp_frame(prefix);
      EXPECT_LE(header.tiff_orientation_at.value_or(0), size < 2 ? 0 : size - 2);
    }
    for (size_t i = 0; i < whole.size(); ++i) {
      Bytes damaged = whole;
      damaged[i] = static_cast<uint8_t>(~damaged[i]);
      const ImageHeader header = read_image_header(damaged);
      EXPECT_GE(header.orientation, 1);
      EXPECT_LE(header.orientation, 8);
      if (header.format == ImageFormat::kWebp) first_webp_frame(damaged);
      EXPECT_LE(header.tiff_orientation_at.value_or(0) + 2, damaged.size());
    }
  }
}

TEST(Formats, ReadsOnePixelAndVeryWidePictures) {
  for (const std::string extension : {".jpg", ".png", ".webp", ".tiff", ".bmp"}) {
    SCOPED_TRACE(extension);
    const cv::Mat pixel(1, 1, CV_8UC3, cv::Scalar(50, 100, 150));
    const at::Tensor rgb = decoded(encoded(extension, pixel)).rgb;
    ASSERT_EQ(rgb.sizes(), (at::IntArrayRef{1, 1, 3}));
    EXPECT_NEAR(rgb[0][0][0].item<int>(), 150, 4);
    if (extension == ".webp") continue;  // ends at 16383 pixels
    const at::Tensor wide = decoded(encoded(extension, quadrants(40000, 20))).rgb;
    EXPECT_EQ(wide.sizes(), (at::IntArrayRef{20, 40000, 3}));
    EXPECT_EQ(colours(wide), "rgbw");
  }
}

TEST(Formats, RefusesOthers) {
  constexpr uint32_t kKind = 254, kLong = 4, kPreview = 1;
  EXPECT_THAT(failure(tiff({{kKind, kLong, kPreview}})), HasSubstr("none of the formats"));
  EXPECT_EQ(failure(tiff({{kKind, kLong, 0}})), "");
  for (const std::string text :
       {"GIF89a......", "BMW, a car....", "RIFF....AVI LIST", "II", "BM"}) {
    EXPECT_THAT(failure(Bytes(text.begin(), text.end())), HasSubstr("none of the formats")) << text;
  }
  // A film, whose container is that of HEIC.
  const std::string film(
      "\0\0\0\x14"
      "ftypisom\0\0\2\0mp41\0\0\0\x08"
      "mdat",
      28);
  EXPECT_THAT(failure(Bytes(film.begin(), film.end())), HasSubstr("none of the formats"));
  EXPECT_THAT(failure(encoded(".tiff", cv::Mat(4, 4, CV_32FC1, cv::Scalar(0.5)))),
              HasSubstr("not supported"));
}

}  // namespace
}  // namespace vggt
