// SPDX-License-Identifier: Apache-2.0
#include "src/image/image_header.h"

#include "tests/image/picture_bytes.h"

#include <gtest/gtest.h>

namespace vggt {
namespace {

using testing::append;
using testing::Bytes;
using testing::file_bytes;
using testing::jpeg_with_exif;
using testing::png_with_exif;
using testing::tiff_orientation;

const std::string kImages = "tests/golden/preprocess/images/";

Bytes jpeg() { return file_bytes(kImages + "jpeg_420_q75_121x81.jpg"); }
Bytes png() { return file_bytes(kImages + "grey_64x48.png"); }

int orientation_of(const Bytes& tiff) {
  return read_image_header(jpeg_with_exif(jpeg(), tiff)).orientation;
}

TEST(ImageHeader, TellsFormatsByTheirBytes) {
  EXPECT_EQ(read_image_header(jpeg()).format, ImageFormat::kJpeg);
  EXPECT_EQ(read_image_header(png()).format, ImageFormat::kPng);
  EXPECT_EQ(read_image_header(Bytes{'G', 'I', 'F', '8', '9', 'a'}).format, ImageFormat::kOther);
  EXPECT_EQ(read_image_header(Bytes{}).format, ImageFormat::kOther);
  EXPECT_EQ(read_image_header(Bytes{0x89, 'P', 'N', 'G'}).format, ImageFormat::kOther);
}

TEST(ImageHeader, ReadsEveryOrientationInBothByteOrders) {
  for (uint8_t orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {true, false}) {
      const Bytes tiff = tiff_orientation(orientation, big_endian);
      EXPECT_EQ(orientation_of(tiff), orientation);
      EXPECT_EQ(read_image_header(png_with_exif(png(), tiff)).orientation, orientation);
    }
  }
  EXPECT_EQ(read_image_header(file_bytes(kImages + "jpeg_exif6_120x80.jpg")).orientation, 6);
}

TEST(ImageHeader, TakesDamagedExifAsUpright) {
  const Bytes good = tiff_orientation(6);
  for (size_t size = 0; size < 32; ++size) {
    EXPECT_EQ(orientation_of(Bytes(good.begin(), good.begin() + size)), 1) << size;
  }
  const auto changed = [&](size_t at, uint8_t value) {
    Bytes tiff = good;
    tiff[at] = value;
    return orientation_of(tiff);
  };
  EXPECT_EQ(changed(31, 0), 1);    // no orientation
  EXPECT_EQ(changed(31, 9), 1);    // beyond the last
  EXPECT_EQ(changed(30, 1), 1);    // 262
  EXPECT_EQ(changed(25, 2), 1);    // a text, not a number
  EXPECT_EQ(changed(1, 'I'), 1);   // neither byte order
  EXPECT_EQ(changed(3, 43), 1);    // not TIFF
  EXPECT_EQ(changed(4, 0xff), 1);  // the directory beyond the end
  EXPECT_EQ(changed(9, 1), 1);     // fewer entries than there are
  EXPECT_EQ(changed(8, 0xff), 6);  // more entries than there are
}

TEST(ImageHeader, NeverReadsPastTheEnd) {
  // Meaningful under the address sanitizer: every prefix, and every byte turned around.
  for (const Bytes& whole : {jpeg_with_exif(jpeg(), tiff_orientation(6, false)),
                             png_with_exif(png(), tiff_orientation(6))}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      const Bytes prefix(whole.begin(), whole.begin() + size);
      EXPECT_FALSE(read_image_header(prefix).complete) << size;
    }
    for (size_t i = 0; i < 200; ++i) {
      Bytes damaged = whole;
      damaged[i] = static_cast<uint8_t>(~damaged[i]);
      const int orientation = read_image_header(damaged).orientation;
      EXPECT_GE(orientation, 1);
      EXPECT_LE(orientation, 8);
    }
  }
}

TEST(ImageHeader, StopsAtLengthsThatCannotBe) {
  for (const uint8_t length : {0, 1}) {
    EXPECT_FALSE(read_image_header(Bytes{0xff, 0xd8, 0xff, 0xe1, 0, length, 0xff, 0xd9}).complete);
  }
  EXPECT_TRUE(read_image_header(Bytes{0xff, 0xd8, 0xff, 0xe1, 0, 2, 0xff, 0xd9}).complete);
}

TEST(ImageHeader, FindsTheEndBeforeWhatIsAppendedAndBehindThumbnails) {
  Bytes with_tail = jpeg();
  append(with_tail, Bytes(1000, 0xff));
  EXPECT_TRUE(read_image_header(with_tail).complete);
  // A whole JPEG inside a segment, as thumbnails are, does not end the outer one.
  Bytes cut = jpeg_with_exif(jpeg(), {0xff, 0xd8, 0xff, 0xd9});
  EXPECT_TRUE(read_image_header(cut).complete);
  cut.resize(cut.size() - 100);
  EXPECT_FALSE(read_image_header(cut).complete);
}

TEST(ImageHeader, SaysWhatKindOfPngItIs) {
  const auto header = [](const std::string& name) {
    return read_image_header(file_bytes(kImages + name));
  };
  EXPECT_TRUE(header("rgba_101x67.png").png_has_alpha_channel);
  EXPECT_TRUE(header("rgba_101x67.png").png_has_colour);
  EXPECT_TRUE(header("la_64x48.png").png_has_alpha_channel);
  EXPECT_FALSE(header("la_64x48.png").png_has_colour);
  EXPECT_FALSE(header("palette_transparent_64x48.png").png_has_alpha_channel);
  EXPECT_TRUE(header("palette_transparent_64x48.png").png_has_colour);
  EXPECT_EQ(header("grey16_64x48.png").png_bit_depth, 16);
  EXPECT_EQ(header("grey4_key.png").png_bit_depth, 4);
  EXPECT_EQ(header("grey4_key.png").png_transparent_grey, 9);
  EXPECT_EQ(header("rgb8_key.png").png_transparent_grey, std::nullopt);
  EXPECT_EQ(header("grey_64x48.png").png_transparent_grey, std::nullopt);
}

TEST(ImageHeader, ChecksTheChecksumsOfPngs) {
  EXPECT_TRUE(png_checksums_fit(png()));
  Bytes damaged = png();
  damaged[damaged.size() / 2] ^= 1;
  EXPECT_FALSE(png_checksums_fit(damaged));
}

TEST(ImageHeader, DropsOnlyAncillaryChunks) {
  EXPECT_EQ(without_ancillary_chunks(png_with_exif(png(), tiff_orientation(6))), png());
  const Bytes key = file_bytes(kImages + "grey8_key.png");
  EXPECT_EQ(without_ancillary_chunks(key), key);
}

}  // namespace
}  // namespace vggt
