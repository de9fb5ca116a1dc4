// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/features.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vggt::tracks {
namespace {

// A bright spot on grey; x, y from the picture's corner.
void add_spot(GreyPicture& picture, double x_px, double y_px, double sigma_px) {
  for (int64_t y = 0; y < picture.height_px; ++y) {
    for (int64_t x = 0; x < picture.width_px; ++x) {
      const double dx = static_cast<double>(x) + 0.5 - x_px;
      const double dy = static_cast<double>(y) + 0.5 - y_px;
      uint8_t& value = picture.values[y * picture.width_px + x];
      const double light = 150 * std::exp(-(dx * dx + dy * dy) / (2 * sigma_px * sigma_px));
      value = static_cast<uint8_t>(std::min(255.0, std::round(value + light)));
    }
  }
}

GreyPicture grey(int64_t width_px, int64_t height_px) {
  return {width_px, height_px, std::vector<uint8_t>(width_px * height_px, 60), {}};
}

TEST(DetectSift, PlacesASpotWhereItIs) {
  for (const double shift : {0.0, 0.25, 0.6}) {
    for (const double sigma_px : {2.0, 4.0}) {
      GreyPicture picture = grey(96, 80);
      add_spot(picture, 40.5 + shift, 33.5 - shift, sigma_px);
      const Features features = detect_sift(picture);
      ASSERT_GE(features.size(), 1);
      // Less than the quarter of a pixel that is put right.
      EXPECT_NEAR(features.keypoints[0].x_px, 40.5 + shift, 0.1);
      EXPECT_NEAR(features.keypoints[0].y_px, 33.5 - shift, 0.1);
    }
  }
}

TEST(DetectSift, FindsNothingWhereTheMaskIsOrNothingIs) {
  GreyPicture picture = grey(96, 80);
  EXPECT_EQ(detect_sift(picture).size(), 0);
  add_spot(picture, 30, 40, 3);
  add_spot(picture, 70, 40, 3);
  picture.mask.assign(picture.values.size(), 0);
  for (int64_t y = 0; y < 80; ++y) {
    for (int64_t x = 0; x < 48; ++x) picture.mask[y * 96 + x] = 255;
  }
  const Features features = detect_sift(picture);
  ASSERT_GE(features.size(), 1);
  for (const Keypoint& keypoint : features.keypoints) EXPECT_LT(keypoint.x_px, 48);
  EXPECT_EQ(detect_sift(grey(8, 8)).size(), 0);
}

TEST(DetectSift, KeepsTheStrongest) {
  GreyPicture picture = grey(200, 80);
  for (int i = 0; i < 6; ++i) add_spot(picture, 20 + 32 * i, 40, 2 + 0.2 * i);
  const Features few = detect_sift(picture, {.max_features = 3});
  EXPECT_EQ(few.size(), 3);
  EXPECT_EQ(few.descriptors.size(), 3 * size_t{kDescriptorSize});
  double squares = 0;
  for (int k = 0; k < kDescriptorSize; ++k) squares += few.descriptors[k] * few.descriptors[k];
  EXPECT_NEAR(std::sqrt(squares), 512, 30);  // some values are cut off at 255
}

}  // namespace
}  // namespace vggt::tracks
