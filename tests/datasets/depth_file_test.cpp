// SPDX-License-Identifier: Apache-2.0
#include "datasets/depth_file.h"

#include "src/base/error.h"
#include "src/image/map_png.h"
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
