// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/rigid.h"

#include "tests/support/camera_path.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace vggt
