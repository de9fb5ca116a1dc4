// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/depth_fit.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vggt::tracks {
namespace {

std::vector<DepthPair> pairs(int count, double scale, double shift) {
  std::vector<DepthPair> all;
  for (int i = 0; i < count; ++i) {
    const double predicted = 1 + 0.1 * ((7 * i) % count);
    all.push_back({predicted, scale * predicted + shift});
  }
  return all;
}

TEST(FitDepth, FindsScaleAndShiftAmongOutliers) {
  std::vector<DepthPair> all = pairs(60, 1.7, 0.4);
  for (size_t i = 0; i < all.size(); i += 4) all[i].known *= 3;
  const DepthFit fit = fit_depth(all, 1, 7);
  EXPECT_NEAR(fit.scale, 1.7, 1e-3);
  EXPECT_NEAR(fit.shift, 0.4, 1e-3);
  EXPECT_LT(fit.relative_error, 1e-3);
}

TEST(FitDepth, FitsOnlyTheScaleOfFewOrEqualDepths) {
  EXPECT_EQ(fit_depth(pairs(5, 2, 0), 1, 2).scale, 2);
  const DepthFit few = fit_depth(pairs(5, 2, 0.5), 1, 2);
  EXPECT_EQ(few.shift, 0);
  std::vector<DepthPair> equal(50, {2, 3});
  const DepthFit fit = fit_depth(equal, 1, 4);
  EXPECT_EQ(fit.scale, 1.5);
  EXPECT_EQ(fit.shift, 0);
}

TEST(FitDepth, NeverMakesADepthNegative) {
  // The pairs lie on 3 x - 2.5, which is negative where the map is nearest.
  const std::vector<DepthPair> all = pairs(60, 3, -2.5);
  EXPECT_NE(fit_depth(all, 1, 7).shift, 0);
  const DepthFit fit = fit_depth(all, 0.5, 7);
  EXPECT_EQ(fit.shift, 0);
  EXPECT_GT(fit.scale, 0);
}

TEST(FitDepth, IsTheIdentityWithoutPairs) {
  const DepthFit fit = fit_depth({}, 1, 2);
  EXPECT_EQ(fit.scale, 1);
  EXPECT_EQ(fit.shift, 0);
}

}  // namespace
}  // namespace vggt::tracks
