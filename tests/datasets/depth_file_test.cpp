// SPDX-License-Identifier: Apache-2.0
#include "datasets/depth_file.h"

#include "src/base/error.h"
#include "src/image/map_png.h"
#include "src/image/picture_file.h"
#include "src/io/npy.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

namespace vggt::datasets {
namespace {

using ::testing::HasSubstr;

TEST(DepthFiles, OfEachFormatReadBack) {
  TemporaryFolder folder;
  const at::Tensor values = at::tensor({0.0f, 1.5f, 2.25f, 100.0f}).view({2, 2});
  const std::string png = folder.file("d.png");
  write_map_png(png, values, 100);
  EXPECT_TRUE(read_depth({.path = png, .values_per_unit = 100}).equal(values));
  EXPECT_EQ(read_depth({.path = png, .values_per_unit = 100, .nearest = 1.5, .farthest = 50})
                .sum()
                .item<float>(),
            2.25f);
  // CO3D: the bits of float16 in a PNG of 16 bits, 1.5 = 0x3e00, infinity = 0x7c00.
  const at::Tensor bits = at::tensor({0.0f, 15872.0f, 31744.0f, 16384.0f}).view({2, 2});
  write_map_png(png, bits, 1);
  const at::Tensor half =
      read_depth({.path = png, .format = DepthFormat::kHalfPng, .values_per_unit = 0.5});
  EXPECT_TRUE(half.equal(at::tensor({0.0f, 3.0f, 0.0f, 4.0f}).view({2, 2})));
  // The lower row comes first.
  const std::string pfm =
      folder.write("d.pfm", "Pf\n1 2\n-1\n" + std::string("\0\0\x80\x3f\0\0\0\x40", 8));
  EXPECT_TRUE(read_pfm(pfm).equal(at::tensor({2.0f, 1.0f}).view({2, 1})));
}

TEST(DepthFiles, RawFloatsNeedTheirSize) {
  TemporaryFolder folder;
  const float infinity = std::numeric_limits<float>::infinity();
  const float values[] = {1.5F, infinity, 2, 3, 4, 5};
  const std::string path = folder.write(
      "DSC_1.JPG", std::string_view(reinterpret_cast<const char*>(values), sizeof(values)));
  DepthFile file{.path = path, .format = DepthFormat::kRaw, .width_px = 3, .height_px = 2};
  EXPECT_TRUE(
      read_depth(file).equal(at::tensor({1.5f, 0.0f, 2.0f, 3.0f, 4.0f, 5.0f}).view({2, 3})));
  file.height_px = 3;
  EXPECT_THAT(message_of<IoError>([&] { read_depth(file); }),
              HasSubstr("DSC_1.JPG: does not hold 3 x 3 values"));
}

TEST(DepthFiles, AMaskIsResizedAndEroded) {
  TemporaryFolder folder;
  // 4 x 2 of white with a black column, of which the map's pixels are halves.
  const std::string mask = folder.file("mask.png");
  const at::Tensor white = at::ones({3, 2, 4}, at::kFloat);
  white.select(2, 2).fill_(0.4);
  write_picture(mask, white);
  const at::Tensor depth = at::ones({4, 8}, at::kFloat);
  const at::Tensor row = masked_depth(depth, mask, 0)[1];
  EXPECT_TRUE(row.equal(at::tensor({1.f, 1.f, 1.f, 1.f, 0.f, 0.f, 1.f, 1.f})));
  // By a square of 4: two pixels before each one, one after it.
  const at::Tensor eroded = masked_depth(depth, mask, 4)[1];
  EXPECT_TRUE(eroded.equal(at::tensor({1.f, 1.f, 1.f, 0.f, 0.f, 0.f, 0.f, 0.f})));
}

TEST(DepthFiles, AZoomKeepsTheMiddle) {
  const at::Tensor depth = at::arange(1, 9, at::kFloat).expand({2, 8}).contiguous();
  // Half the focal length: twice as much is seen, of which the map has the middle.
  EXPECT_TRUE(
      zoomed_depth(depth, 0.5)[0].equal(at::tensor({0.f, 0.f, 2.f, 4.f, 6.f, 8.f, 0.f, 0.f})));
  EXPECT_TRUE(
      zoomed_depth(depth, 2)[0].equal(at::tensor({3.f, 3.f, 4.f, 4.f, 5.f, 5.f, 6.f, 6.f})));
}

TEST(DepthFiles, BrokenOnesAreNamed) {
  TemporaryFolder folder;
  const auto message = [&](const std::string& bytes) {
    const std::string path = folder.write("d.pfm", bytes);
    return message_of<IoError>([&] { read_pfm(path); });
  };
  EXPECT_THAT(message("PF\n1 1\n-1\n1234"), HasSubstr("d.pfm: is no grey"));
  EXPECT_THAT(message("Pf\n1 1\n1\n1234"), HasSubstr("big-endian"));
  EXPECT_THAT(message("Pf\n2 1\n-1\n1234"), HasSubstr("does not hold"));
  EXPECT_THAT(message("Pf\nx 1\n-1\n1234"), HasSubstr("size"));
  EXPECT_THAT(message("Pf\n1"), HasSubstr("d.pfm"));
  write_npy(folder.file("d.npy"), at::zeros({3}, at::kFloat));
  EXPECT_THAT(message_of<IoError>([&] {
                read_depth({.path = folder.file("d.npy"), .format = DepthFormat::kNumpy});
              }),
              HasSubstr("d.npy: is no depth map"));
}

}  // namespace
}  // namespace vggt::datasets
