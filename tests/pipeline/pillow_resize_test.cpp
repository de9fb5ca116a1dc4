// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/pillow_resize.h"

#include "tests/pipeline/preprocess_golden.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

namespace vggt {
namespace {

/// The same numbers as in make_preprocess_golden.py.
at::Tensor noise(int64_t height, int64_t width) {
  at::Tensor image = at::empty({height, width, 3}, at::kByte);
  auto* data = image.mutable_data_ptr<uint8_t>();
  uint32_t state = 1;
  for (int64_t i = 0; i < image.numel(); ++i) {
    state = state * 1664525u + 1013904223u;
    data[i] = static_cast<uint8_t>(state >> 24);
  }
  return image;
}

TEST(PillowResize, GivesPillowsBytesForEverySizePair) {
  const auto& cases = testing::preprocess_golden()["resizes"];
  ASSERT_GE(cases.size(), 10u);
  for (const auto& expected : cases) {
    const at::Tensor image = noise(expected["height"], expected["width"]);
    SCOPED_TRACE(expected.dump());
    testing::expect_bytes(pillow_bicubic(image, expected["shape"][0], expected["shape"][1]),
                          expected);
  }
}

TEST(PillowResize, ReturnsTheSameRowsAloneAsInTheWhole) {
  const at::Tensor image = noise(97, 61);
  for (const int64_t new_height : {30, 97, 150}) {
    const at::Tensor whole = pillow_bicubic(image, new_height, 40);
    for (const int64_t first : {int64_t{0}, int64_t{7}, new_height - 9}) {
      const at::Tensor rows = pillow_bicubic_rows(image, new_height, 40, first, 9);
      EXPECT_TRUE(rows.equal(whole.narrow(0, first, 9))) << new_height << " from " << first;
    }
  }
}

TEST(PillowResize, ReadsViewsAndLeavesTheSourceAlone) {
  const at::Tensor image = noise(50, 40);
  const at::Tensor before = image.clone();
  const at::Tensor view = image.narrow(1, 3, 30).transpose(0, 1);
  EXPECT_TRUE(pillow_bicubic(view, 14, 21).equal(pillow_bicubic(view.contiguous(), 14, 21)));
  const at::Tensor copy = pillow_bicubic(image, 50, 40);
  EXPECT_TRUE(copy.equal(image));
  copy.zero_();
  EXPECT_TRUE(image.equal(before));
}

TEST(PillowResize, ClampsOvershootToBytes) {
  at::Tensor edge = at::zeros({4, 8, 3}, at::kByte);
  edge.narrow(1, 4, 4).fill_(255);
  const at::Tensor wide = pillow_bicubic(edge, 4, 64);
  EXPECT_EQ(wide.select(1, 0).max().item<int>(), 0);
  EXPECT_EQ(wide.select(1, 63).min().item<int>(), 255);
}

TEST(PillowResize, RefusesWhatIsNoPicture) {
  const at::Tensor image = noise(8, 8);
  EXPECT_THROW(pillow_bicubic(image, 0, 8), c10::Error);
  EXPECT_THROW(pillow_bicubic(image, 8, -1), c10::Error);
  EXPECT_THROW(pillow_bicubic(image.to(at::kFloat), 8, 8), c10::Error);
  EXPECT_THROW(pillow_bicubic(image.select(2, 0), 8, 8), c10::Error);
  EXPECT_THROW(pillow_bicubic(image.narrow(0, 0, 0), 8, 8), c10::Error);
  EXPECT_THROW(pillow_bicubic_rows(image, 8, 8, 4, 5), c10::Error);
}

}  // namespace
}  // namespace vggt
