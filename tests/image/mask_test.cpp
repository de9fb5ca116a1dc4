// SPDX-License-Identifier: Apache-2.0
#include "src/image/mask.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <gmock/gmock.h>

#include <filesystem>
#include <opencv2/imgcodecs.hpp>

namespace vggt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A photo of 6 x 4 stored pixels, seen at twice its size by the network.
PixelMap map_of(int orientation) {
  PixelMap map = {.stored_width_px = 6, .stored_height_px = 4, .orientation = orientation};
  map.scale_x = map.scale_y = 2;
  map.network_width_px = 2 * map.upright_width_px();
  map.network_height_px = 2 * map.upright_height_px();
  return map;
}

/// Black but for one pixel.
std::string write_mask(const TemporaryFolder& folder, int width, int height, cv::Point white) {
  cv::Mat mask(height, width, CV_8UC1, cv::Scalar(0));
  mask.at<uint8_t>(white) = 255;
  const std::string path = folder.file("mask.png");
  cv::imwrite(path, mask);
  return path;
}

/// [H, W] false but for a square of two by two at (x, y).
at::Tensor square(const PixelMap& map, int64_t x, int64_t y) {
  at::Tensor expected = at::zeros({map.network_height_px, map.network_width_px}, at::kBool);
  expected.slice(0, y, y + 2).slice(1, x, x + 2).fill_(true);
  return expected;
}

TEST(FindMask, KnowsTheUsualNames) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("a"));
  EXPECT_EQ(find_mask(folder.path(), "a/b.jpg"), std::nullopt);
  folder.write("a/c.png", "x");
  folder.write("b.png", "x");
  folder.write("a/b.txt", "x");
  std::filesystem::create_directories(folder.file("a/b.tif"));
  EXPECT_EQ(find_mask(folder.path(), "a/b.jpg"), std::nullopt);
  // Each later one is preferred to those before.
  for (const std::string name : {"a/b.BMP",
                                 "a/b.webp",
                                 "a/b.jpg",
                                 "a/b.png",
                                 "a/b_mask.jpg",
                                 "a/b_mask.png",
                                 "a/b.jpg.tiff",
                                 "a/b.jpg.png"}) {
    folder.write(name, "x");
    EXPECT_EQ(find_mask(folder.path(), "a/b.jpg"), folder.file(name));
  }
  EXPECT_EQ(find_mask(folder.path(), "b.jpg"), folder.file("b.png"));
}

TEST(ReadMask, FollowsThePhotoToTheNetwork) {
  const TemporaryFolder folder;
  const PixelMap map = map_of(1);
  EXPECT_TRUE(read_mask(write_mask(folder, 6, 4, {4, 1}), map).equal(square(map, 8, 2)));
}

TEST(ReadMask, TakesMasksAsStoredAndAsSeen) {
  const TemporaryFolder folder;
  // Orientation 6: the stored left column is seen as the top row.
  const PixelMap map = map_of(6);
  EXPECT_TRUE(read_mask(write_mask(folder, 4, 6, {1, 5}), map).equal(square(map, 2, 10)));
  EXPECT_TRUE(read_mask(write_mask(folder, 6, 4, {0, 0}), map).equal(square(map, 6, 0)));
  EXPECT_TRUE(read_mask(write_mask(folder, 6, 4, {5, 3}), map).equal(square(map, 0, 10)));
  // Of one size, turned by 180 degrees: as seen.
  const PixelMap turned = map_of(3);
  EXPECT_TRUE(read_mask(write_mask(folder, 6, 4, {4, 1}), turned).equal(square(turned, 8, 2)));
}

TEST(ReadMask, KeepsNothingOfThePadding) {
  const TemporaryFolder folder;
  PixelMap map = map_of(1);
  map.offset_x_px = 3;
  map.network_width_px += 5;
  const std::string path = folder.file("white.png");
  cv::imwrite(path, cv::Mat(4, 6, CV_8UC1, cv::Scalar(255)));
  at::Tensor expected = at::zeros({8, 17}, at::kBool);
  expected.slice(1, 3, 15).fill_(true);
  EXPECT_TRUE(read_mask(path, map).equal(expected));
}

TEST(ReadMask, CutsAtTheMiddleBetweenBlackAndWhite) {
  const TemporaryFolder folder;
  cv::Mat mask(4, 6, CV_8UC3, cv::Scalar(127, 127, 127));
  mask.col(0).setTo(cv::Scalar(128, 128, 128));
  cv::imwrite(folder.file("grey.png"), mask);
  at::Tensor expected = at::zeros({8, 12}, at::kBool);
  expected.slice(1, 0, 2).fill_(true);
  EXPECT_TRUE(read_mask(folder.file("grey.png"), map_of(1)).equal(expected));
}

TEST(ReadMask, MayBeAllBlack) {
  const TemporaryFolder folder;
  cv::imwrite(folder.file("black.png"), cv::Mat(4, 6, CV_8UC1, cv::Scalar(0)));
  EXPECT_FALSE(read_mask(folder.file("black.png"), map_of(1)).any().item<bool>());
}

TEST(ReadMask, RefusesOtherSizesAndMasksOfOnes) {
  const TemporaryFolder folder;
  const auto failure = [&](const std::string& path, int orientation) {
    return message_of<IoError>([&] { read_mask(path, map_of(orientation)); });
  };
  const std::string wrong = write_mask(folder, 6, 5, {0, 0});
  EXPECT_THAT(failure(wrong, 1), AllOf(HasSubstr(wrong), HasSubstr("6 x 5"), HasSubstr("6 x 4")));
  EXPECT_THAT(failure(wrong, 6), HasSubstr("6 x 4 (upright 4 x 6)"));
  EXPECT_THAT(failure(write_mask(folder, 4, 6, {0, 0}), 1), HasSubstr("4 x 6"));
  cv::imwrite(folder.file("ones.png"), cv::Mat(4, 6, CV_8UC1, cv::Scalar(1)));
  EXPECT_THAT(failure(folder.file("ones.png"), 1), HasSubstr("brightest value is 1 of 255"));
  EXPECT_THAT(failure(folder.file("none.png"), 1), HasSubstr("no such file"));
}

}  // namespace
}  // namespace vggt
