// SPDX-License-Identifier: Apache-2.0
#include "src/image/preview.h"

#include "src/base/error.h"
#include "tests/support/plane_and_box.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace vggt {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Reconstruction scene(int64_t views, int64_t width = 98, int64_t height = 70) {
  PixelMap map;
  map.stored_width_px = map.network_width_px = width;
  map.stored_height_px = map.network_height_px = height;
  std::vector<PixelMap> maps(static_cast<size_t>(views), map);
  std::vector<std::string> names;
  for (int64_t s = 0; s < views; ++s) names.push_back("photo" + std::to_string(s) + ".jpg");
  return PlaneAndBox(views).reconstruct(maps, names);
}

cv::Mat preview_of(const Reconstruction& reconstruction) {
  TemporaryFolder folder;
  write_preview(folder.file("preview.png"), reconstruction);
  return cv::imread(folder.file("preview.png"));
}

// Pixels of about that colour (BGR) in the right half or the left half of the lowest 560 rows: the
// scenes.
int count_near(const cv::Mat& picture, const cv::Vec3b& colour, bool left) {
  const int half = picture.cols / 2;
  int count = 0;
  for (int y = picture.rows - 560; y < picture.rows; ++y) {
    for (int x = left ? 0 : half; x < (left ? half : picture.cols); ++x) {
      const auto pixel = picture.at<cv::Vec3b>(y, x);
      int difference = 0;
      for (int c = 0; c < 3; ++c) difference = std::max(difference, std::abs(pixel[c] - colour[c]));
      count += difference < 12;
    }
  }
  return count;
}

TEST(Preview, Is1600WideForAnyNumberAndShapeOfPhotos) {
  for (const int64_t views : {1, 2, 8, 40}) {
    EXPECT_EQ(preview_of(scene(views)).cols, 1600) << views;
  }
  EXPECT_EQ(preview_of(scene(3, 70, 98)).cols, 1600);
  EXPECT_EQ(preview_of(scene(3, 98, 14)).cols, 1600);
  EXPECT_EQ(preview_of(scene(3, 14, 98)).cols, 1600);
}

// All points in one colour that nothing else has: they must cover ground in both views.
TEST(Preview, ShowsThePointsFromAboveAndFromTheSide) {
  Reconstruction reconstruction = scene(6);
  reconstruction.points.colour.select(1, 0).fill_(10);   // red
  reconstruction.points.colour.select(1, 1).fill_(250);  // green
  reconstruction.points.colour.select(1, 2).fill_(120);  // blue
  const cv::Mat picture = preview_of(reconstruction);
  const cv::Vec3b colour(120, 250, 10);
  // The floor lies flat: wide from above, thin from the side.
  EXPECT_GT(count_near(picture, colour, true), 20000);
  EXPECT_GT(count_near(picture, colour, false), 1000);
  EXPECT_LT(count_near(picture, colour, false), 20000);
  reconstruction.points = {};
  EXPECT_LT(count_near(preview_of(reconstruction), colour, true), 50);
}

// The first photo's cells lie right of the labels; depth of one value is one colour.
TEST(Preview, NearIsWarmAndFarIsCold) {
  Reconstruction reconstruction = scene(1);
  reconstruction.depth.slice(2, 0, 49).fill_(1);
  reconstruction.depth.slice(2, 49, 98).fill_(10);
  const cv::Mat picture = preview_of(reconstruction);
  const int height = static_cast<int>(std::lround(300 / 70.0 * 98)) * 70 / 98;
  const int y = 64 + 26 + height + 8 + height / 2;
  const auto near = picture.at<cv::Vec3b>(y, 24 + 118 + 60);
  const auto far = picture.at<cv::Vec3b>(y, 24 + 118 + 360);
  EXPECT_GT(near[2], near[0] + 50);  // red over blue
  EXPECT_GT(far[0], far[2]);         // blue over red
}

TEST(Preview, ValuesThatAreNotFiniteDoNoHarm) {
  Reconstruction reconstruction = scene(4);
  reconstruction.images.slice(3, 0, 10).fill_(kNan);
  reconstruction.depth.slice(1, 0, 10).fill_(kNan);
  reconstruction.depth.slice(1, 10, 20).fill_(kInfinity);
  reconstruction.depth.slice(1, 20, 25).fill_(-1);
  reconstruction.confidence.slice(1, 0, 10).fill_(kInfinity);
  reconstruction.points.position.slice(0, 0, 100).fill_(kNan);
  reconstruction.points.position.slice(0, 100, 200).fill_(-kInfinity);
  reconstruction.points.position.slice(0, 200, 300).fill_(1e30f);
  reconstruction.views[1].camera.translation[0] = kNan;
  reconstruction.views[2].camera.fx_px = 0;
  reconstruction.views[3].camera.fy_px = kInfinity;
  EXPECT_EQ(preview_of(reconstruction).cols, 1600);

  // Nothing is finite.
  reconstruction.depth.fill_(kNan);
  reconstruction.confidence.fill_(kNan);
  reconstruction.points.position.fill_(kNan);
  for (View& view : reconstruction.views) view.camera.translation.fill(kNan);
  EXPECT_EQ(preview_of(reconstruction).cols, 1600);
}

// One far camera takes the scale of the scenes; numbers must not overflow.
TEST(Preview, AFarCameraDoesNoHarm) {
  Reconstruction reconstruction = scene(3);
  reconstruction.views[1].camera.translation = {1e12, -1e12, 1e12};
  EXPECT_EQ(preview_of(reconstruction).cols, 1600);
  for (View& view : reconstruction.views) view.camera = reconstruction.views[0].camera;
  reconstruction.points = {};
  EXPECT_EQ(preview_of(reconstruction).cols, 1600);
}

TEST(Preview, AnyNameIsDrawn) {
  Reconstruction reconstruction = scene(2);
  reconstruction.views[0].name = std::string(5000, 'w') + ".jpg";
  reconstruction.views[1].name = "\xC3\xA4\xE6\x97\xA5\xFF\n%s.jpg";
  EXPECT_EQ(preview_of(reconstruction).cols, 1600);
}

TEST(Preview, AFileThatCannotBeWrittenIsAnIoError) {
  TemporaryFolder folder;
  EXPECT_THROW(write_preview(folder.file("none/preview.png"), scene(1)), IoError);
}

}  // namespace
}  // namespace vggt
