// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/similarity.h"

#include "tests/support/camera_path.h"
#include "tests/support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vggt {
namespace {

at::Tensor scattered(int64_t count) {
  const at::Tensor i = at::arange(count, at::kDouble);
  return at::stack({at::sin(3 * i), at::cos(5 * i + 1), at::sin(7 * i + 2) * 2}, 1);
}

const Similarity kKnown{3.7, testing::rotation_about({1, 2, -1}, 2.2), {5, -3, 0.5}};

double worst(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(AlignPoints, FindsAKnownSimilarity) {
  const at::Tensor points = scattered(50);
  const Alignment found = align_points(points, kKnown.apply(points), true);
  constexpr double kTolerance = 1e-12;  // the specification's
  EXPECT_NEAR(found.similarity.scale, kKnown.scale, kTolerance);
  for (int k = 0; k < 9; ++k) {
    EXPECT_NEAR(found.similarity.rotation[k], kKnown.rotation[k], kTolerance);
  }
  for (int k = 0; k < 3; ++k) {
    EXPECT_NEAR(found.similarity.translation[k], kKnown.translation[k], kTolerance);
  }
  EXPECT_FALSE(found.degenerate);
}

TEST(AlignPoints, WithoutScaleItStaysOne) {
  const at::Tensor points = scattered(50);
  const Alignment found = align_points(points, kKnown.apply(points), false);
  EXPECT_EQ(found.similarity.scale, 1);
  for (int k = 0; k < 9; ++k) {
    EXPECT_NEAR(found.similarity.rotation[k], kKnown.rotation[k], 1e-12);
  }
}

TEST(AlignPoints, NeverReflects) {
  const at::Tensor points = scattered(50);
  const at::Tensor mirrored = points * at::tensor({-1.0, 1.0, 1.0}, at::kDouble);
  const Alignment found = align_points(points, mirrored, true);
  const at::Tensor rotation = at::tensor(found.similarity.rotation, at::kDouble).view({3, 3});
  EXPECT_NEAR(at::det(rotation).item<double>(), 1, 1e-12);
}

TEST(AlignPoints, PointsOnALineAreDegenerateButAligned) {
  const at::Tensor line =
      at::arange(5, at::kDouble).unsqueeze(1) * at::tensor({1.0, 2.0, 3.0}, at::kDouble);
  const Alignment found = align_points(line, kKnown.apply(line), true);
  EXPECT_TRUE(found.degenerate);
  EXPECT_LT(worst(found.similarity.apply(line), kKnown.apply(line)), 1e-10);
  EXPECT_TRUE(align_points(at::zeros({4, 3}, at::kDouble), line.slice(0, 0, 4), true).degenerate);
}

TEST(AlignPoints, RefusesFewerThanThree) {
  const at::Tensor two = scattered(2);
  EXPECT_NE(message_of<c10::Error>([&] { align_points(two, two, true); }).find("3 points"),
            std::string::npos);
}

}  // namespace
}  // namespace vggt
