// SPDX-License-Identifier: Apache-2.0
#include "src/image/map_png.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <string>

namespace vggt {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(MapPng, EveryValueOf16BitsSurvives) {
  TemporaryFolder folder;
  const double scale = 1024;
  const at::Tensor depth = at::arange(65536, at::kFloat).view({128, 512}) / scale;
  write_map_png(folder.file("a.png"), depth, scale);
  EXPECT_TRUE(at::equal(read_map_png(folder.file("a.png"), scale), depth));
}

TEST(MapPng, RoundsToTheNearestStep) {
  TemporaryFolder folder;
  const at::Tensor depth = at::rand({31, 17}) * 60 + 0.01;
  write_map_png(folder.file("a.png"), depth, 1000);
  const at::Tensor read = read_map_png(folder.file("a.png"), 1000);
  EXPECT_LE((read - depth).abs().max().item<double>(), 0.0005 + 1e-5);
}

TEST(MapPng, ZeroMeansNoDepthAndNothingElse) {
  TemporaryFolder folder;
  const at::Tensor depth = at::tensor({kNan, kInfinity, -1.0f, 0.0f, 1e-9f, 5.0f}).view({2, 3});
  write_map_png(folder.file("a.png"), depth, 10);
  EXPECT_TRUE(at::equal(read_map_png(folder.file("a.png"), 10),
                        at::tensor({0.0f, 0.0f, 0.0f, 0.0f, 0.1f, 5.0f}).view({2, 3})));
}

TEST(MapPng, WhatIsTooFarBecomesTheLargestValue) {
  TemporaryFolder folder;
  write_map_png(folder.file("a.png"), at::tensor({70000.0f, 3e38f}).view({1, 2}), 1);
  EXPECT_TRUE(at::equal(read_map_png(folder.file("a.png"), 1), at::full({1, 2}, 65535.0f)));
}

TEST(MapPng, TheScaleFitsAllButTheFarthestThousandth) {
  at::Tensor depth = at::arange(1, 10001, at::kFloat).view({1, 100, 100});
  EXPECT_NEAR(65535 / map_png_scale(depth), 9990, 1.5);
  depth[0][0].fill_(kNan);
  depth[0][99].slice(0, 95).fill_(1e30f);
  EXPECT_NEAR(65535 / map_png_scale(depth), 9990, 3);
  EXPECT_EQ(map_png_scale(at::zeros({1, 2, 2})), 1);
  EXPECT_EQ(map_png_scale(at::full({1, 1, 1}, 2.0f)), 65535.0 / 2);
}

TEST(MapPng, TruncationsAreIoErrors) {
  TemporaryFolder folder;
  write_map_png(folder.file("a.png"), at::rand({20, 30}), 60000);
  const std::string bytes = read_bytes(folder.file("a.png"));
  ::testing::internal::CaptureStderr();
  for (size_t size = 0; size < bytes.size(); size += 5) {
    folder.write("b.png", bytes.substr(0, size));
    EXPECT_THROW(read_map_png(folder.file("b.png"), 1), IoError) << size << " bytes";
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");  // the library never prints
}

TEST(MapPng, OtherPicturesAreRefused) {
  EXPECT_NE(message_of<IoError>([] {
              read_map_png("tests/golden/preprocess/images/rgb16_64x48.png", 1);
            }).find("16-bit"),
            std::string::npos);
  EXPECT_THROW(read_map_png("tests/golden/preprocess/images/grey_64x48.png", 1), IoError);
  EXPECT_THROW(read_map_png("tests/golden/preprocess/images/cmyk.jpg", 1), IoError);
  EXPECT_THROW(read_map_png("none.png", 1), IoError);
}

TEST(MapPng, AFullDiskIsAnIoError) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  EXPECT_THROW(write_map_png("/dev/full", at::ones({4, 4}), 1), IoError);
}

}  // namespace
}  // namespace vggt
