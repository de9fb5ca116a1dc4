// SPDX-License-Identifier: Apache-2.0
#include "src/image/decode.h"

#include "src/base/error.h"
#include "tests/image/picture_bytes.h"
#include "tests/pipeline/preprocess_golden.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace vggt {
namespace {

using testing::as_text;
using testing::Bytes;
using testing::file_bytes;
using testing::golden_image;

std::string reason_of_failure(const std::string& path) {
  try {
    decode_image(path);
  } catch (const IoError& error) {
    EXPECT_EQ(std::string(error.what()).rfind(path, 0), 0u) << error.what();
    return error.what();
  }
  return "";
}

void expect_reason(const std::string& path, const std::string& reason) {
  const std::string message = reason_of_failure(path);
  EXPECT_NE(message.find(reason), std::string::npos) << path << " gave '" << message << "'";
}

TEST(Decode, ReadsEveryKindAsTheOriginalDoes) {
  for (const auto& [name, expected] : testing::preprocess_golden()["decoded"].items()) {
    SCOPED_TRACE(name);
    const DecodedImage image = decode_image(golden_image(name), {.like_original = true});
    testing::expect_bytes(image.rgb, expected["like_original"]);
    EXPECT_EQ(image.orientation, 1);
    EXPECT_EQ(image.stored_width_px, image.rgb.size(1));
    EXPECT_EQ(image.stored_height_px, image.rgb.size(0));
  }
}

TEST(Decode, ReadsEveryKindAsItIsMeantToBeSeen) {
  for (const auto& [name, expected] : testing::preprocess_golden()["decoded"].items()) {
    SCOPED_TRACE(name);
    testing::expect_bytes(decode_image(golden_image(name)).rgb, expected["as_seen"]);
  }
}

TEST(Decode, TurnsPicturesUprightWithoutMirrors) {
  const Bytes jpeg = file_bytes(golden_image("jpeg_420_q75_121x81.jpg"));
  const Bytes png = file_bytes(golden_image("grey_64x48.png"));
  const int applied[] = {1, 1, 3, 3, 6, 6, 8, 8};
  const int64_t clockwise[] = {0, 0, 2, 2, 1, 1, 3, 3};
  const TemporaryFolder folder;
  for (uint8_t orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(static_cast<int>(orientation));
    const Bytes tiff = testing::tiff_orientation(orientation);
    for (const std::string& path :
         {folder.write("a.jpg", as_text(testing::jpeg_with_exif(jpeg, tiff))),
          folder.write("a.png", as_text(testing::png_with_exif(png, tiff)))}) {
      const DecodedImage stored = decode_image(path, {.like_original = true});
      const DecodedImage upright = decode_image(path);
      EXPECT_EQ(stored.orientation, 1);
      EXPECT_EQ(upright.orientation, applied[orientation - 1]);
      EXPECT_TRUE(upright.rgb.equal(at::rot90(stored.rgb, -clockwise[orientation - 1], {0, 1})));
      EXPECT_EQ(upright.stored_width_px, stored.rgb.size(1));
      EXPECT_EQ(upright.stored_height_px, stored.rgb.size(0));
    }
  }
}

TEST(Decode, TakesDamagedExifAsUpright) {
  const TemporaryFolder folder;
  const Bytes jpeg = file_bytes(golden_image("jpeg_420_q75_121x81.jpg"));
  Bytes tiff = testing::tiff_orientation(6);
  tiff.resize(20);
  const DecodedImage image =
      decode_image(folder.write("a.jpg", as_text(testing::jpeg_with_exif(jpeg, tiff))));
  EXPECT_EQ(image.orientation, 1);
  EXPECT_EQ(image.rgb.size(1), 121);
}

TEST(Decode, ReadsCmykJpegsInOpenCvsColours) {
  // Its conversion to RGB rounds in another way than the original's; the sum is what Pillow gave.
  const DecodedImage image = decode_image(golden_image("cmyk.jpg"));
  const auto& expected = testing::preprocess_golden()["cmyk"];
  ASSERT_EQ(image.rgb.sizes().vec(), expected["shape"].get<std::vector<int64_t>>());
  const auto difference = image.rgb.sum().item<int64_t>() - expected["sum"].get<int64_t>();
  EXPECT_LE(std::abs(difference), 2 * image.rgb.numel());
}

TEST(Decode, PrintsNothingForDamagedColourProfiles) {
  ::testing::internal::CaptureStderr();
  decode_image(golden_image("rgb8_bad_profile.png"));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Decode, GoesByTheBytesNotByTheName) {
  const TemporaryFolder folder;
  const std::string path =
      folder.write("really_a.jpg", as_text(file_bytes(golden_image("grey_64x48.png"))));
  EXPECT_EQ(decode_image(path).rgb.size(1), 64);
}

TEST(Decode, SaysWhyAFileCannotBeRead) {
  const TemporaryFolder folder;
  expect_reason(folder.file("none.png"), "no such file");
  expect_reason(folder.path(), "is a folder");
  expect_reason(folder.write("empty.jpg", ""), "is empty");
  expect_reason(folder.write("text.png", "hello"), "none of the formats");
  expect_reason("/dev/null", "cannot be read");
  expect_reason(golden_image("too_large.png"), "cannot be decoded");
}

TEST(Decode, NoticesTruncatedFiles) {
  const TemporaryFolder folder;
  for (const std::string name : {"jpeg_444_q95_120x80.jpg", "rgba_101x67.png"}) {
    const Bytes whole = file_bytes(golden_image(name));
    for (const size_t lost : {size_t{1}, size_t{200}, whole.size() / 2, whole.size() - 12}) {
      expect_reason(folder.write(name, as_text(Bytes(whole.begin(), whole.end() - lost))),
                    "truncated");
    }
  }
}

TEST(Decode, NoticesDamagedPngs) {
  const TemporaryFolder folder;
  Bytes png = file_bytes(golden_image("rgba_101x67.png"));
  png[png.size() / 2] ^= 0xff;
  ::testing::internal::CaptureStderr();
  expect_reason(folder.write("a.png", as_text(png)), "damaged");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Decode, ReadsFilesFromSeveralThreads) {
  const at::Tensor expected = decode_image(golden_image("jpeg_444_q95_120x80.jpg")).rgb;
  std::vector<std::thread> threads;
  std::vector<int> same(8, 0);
  for (size_t i = 0; i < same.size(); ++i) {
    threads.emplace_back([&, i] {
      same[i] = decode_image(golden_image("jpeg_444_q95_120x80.jpg")).rgb.equal(expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int one : same) EXPECT_TRUE(one);
}

}  // namespace
}  // namespace vggt
