// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/rigid.h"

#include "tests/support/camera_path.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace vggt {
namespace {

constexpr double kRounding = 1e-14;  // a few operations on numbers of about one

TEST(Rigid, TimesItsInverseIsTheIdentity) {
  const Rigid pose{testing::rotation_about({1, -2, 0.5}, 1.1), {3, -1, 2}};
  for (const Rigid& product : {pose * inverse(pose), inverse(pose) * pose}) {
    for (int k = 0; k < 9; ++k) {
      EXPECT_NEAR(product.rotation[k], k % 4 == 0 ? 1 : 0, kRounding);
    }
    for (int k = 0; k < 3; ++k) EXPECT_NEAR(product.translation[k], 0, kRounding);
  }
}

TEST(Rigid, ProductsApplyTheRightOneFirst) {
  const Rigid turn{{0, -1, 0, 1, 0, 0, 0, 0, 1}, {0, 0, 0}};
  const Rigid shift{{1, 0, 0, 0, 1, 0, 0, 0, 1}, {1, 0, 0}};
  EXPECT_EQ((turn * shift).translation, (std::array<double, 3>{0, 1, 0}));
  EXPECT_EQ((shift * turn).translation, (std::array<double, 3>{1, 0, 0}));
}

TEST(Rigid, AnglesAreExactAtBothEnds) {
  for (const double angle : {1e-9, 1e-4, 0.5, 1.7, std::numbers::pi - 1e-9}) {
    EXPECT_NEAR(
        rotation_angle(testing::rotation_about({0.2, 1, -3}, angle)), angle, 1e-15 + kRounding);
  }
}

TEST(Rigid, OrthonormalErrorIsTheLargestOfAllProductsOfRows) {
  const std::array<double, 9> turned = testing::rotation_about({1, -2, 0.5}, 1.1);
  EXPECT_LT(orthonormal_error(turned), kRounding);
  // Each entry of a rotation off by 0.1, alone: 0.2 and a bit where a row's length changes most.
  const std::array<double, 9> identity = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  for (size_t i = 0; i < 9; ++i) {
    std::array<double, 9> off = identity;
    off[i] += 0.1;
    EXPECT_NEAR(orthonormal_error(off), i % 4 == 0 ? 0.21 : 0.1, kRounding) << i;
    off[i] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(std::isinf(orthonormal_error(off))) << i;
    EXPECT_FALSE(is_rotation(off, 1)) << i;
  }
}

TEST(Rigid, ReflectionsAreNoRotations) {
  EXPECT_EQ(determinant({2, 3, 5, 7, 11, 13, 17, 19, 23}), -78);
  std::array<double, 9> matrix = testing::rotation_about({0.3, 1, 2}, 2);
  EXPECT_NEAR(determinant(matrix), 1, kRounding);
  EXPECT_TRUE(is_rotation(matrix, kRounding));
  for (size_t k = 3; k < 6; ++k) matrix[k] = -matrix[k];
  EXPECT_LT(orthonormal_error(matrix), kRounding);
  EXPECT_FALSE(is_rotation(matrix, kRounding));
}

}  // namespace
}  // namespace vggt
