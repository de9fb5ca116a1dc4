// SPDX-License-Identifier: Apache-2.0
#include "src/eval/point_metrics.h"

#include "src/eval/nearest_points.h"
#include "tests/support/camera_path.h"
#include "tests/support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vggt::eval {
namespace {

at::Tensor scattered(int64_t count, double phase) {
  const at::Tensor i = at::arange(count, at::kDouble) + phase;
  const auto part = [&](double a) {
    const at::Tensor x = at::sin(i * a) * 43758.5453;
    return x - x.floor();
  };
  return at::stack({part(12.9898), part(78.233), part(37.719)}, 1);
}

// A grid of side 1 in the plane z = height.
at::Tensor sheet(double height) {
  const at::Tensor step = at::arange(40, at::kDouble) / 40;
  return at::stack(
      {step.repeat_interleave(40), step.repeat({40}), at::full({1600}, height, at::kDouble)}, 1);
}

TEST(MatchByMedians, TakesAwayScaleAndDepthAndNothingElse) {
  const at::Tensor target = scattered(501, 0) + at::tensor({1.0, -2.0, 5.0}, at::kDouble);
  // In z any shift goes, in x and y there is none.
  const at::Tensor points =
      target * at::tensor({0.5, 0.5, 0.5}, at::kDouble) + at::tensor({0.0, 0.0, 7.0}, at::kDouble);
  EXPECT_LT((match_by_medians(points, target) - target).abs().max().item<double>(), 1e-12);
  const at::Tensor aside =
      match_by_medians(points + at::tensor({0.25, 0.0, 0.0}, at::kDouble), target);
  EXPECT_NEAR((aside - target).select(1, 0).max().item<double>(), 0.5, 1e-12);
  // Medians do not see a few that are far off.
  at::Tensor with_outliers = points.clone();
  with_outliers.slice(0, 0, 20).mul_(100);
  EXPECT_LT(
      (match_by_medians(with_outliers, target) - target).slice(0, 20).abs().max().item<double>(),
      0.2);
}

TEST(NearestPoints, AreThoseOfComparingAll) {
  const at::Tensor points = scattered(700, 0);
  const at::Tensor queries = scattered(300, 0.5) * 1.4 - 0.2;
  const auto found = NearestPoints(points).find(queries, 5);
  const auto [distance, index] = at::cdist(queries, points, 2, 0).topk(5, 1, false, true);
  EXPECT_LT((found.distance - distance).abs().max().item<double>(), 1e-12);
  EXPECT_TRUE(found.index.equal(index));
}

TEST(NearestPoints, FindAtMostAllAndRefuseWhatIsNotFinite) {
  EXPECT_EQ(NearestPoints(scattered(3, 0)).find(scattered(2, 1), 30).index.size(1), 3);
  const at::Tensor bad = at::full({2, 3}, NAN, at::kDouble);
  EXPECT_FALSE(message_of<c10::Error>([&] { NearestPoints tree(bad); }).empty());
  EXPECT_FALSE(message_of<c10::Error>([&] { NearestPoints tree(at::zeros({0, 3})); }).empty());
}

TEST(Points, OfTheTruthItselfAreRight) {
  const at::Tensor points = scattered(500, 0);
  const auto scores = score_points(points, points, {.f_distances = {0.01}});
  EXPECT_EQ(scores.accuracy.mean, 0);
  EXPECT_EQ(scores.completeness.mean, 0);
  EXPECT_EQ(scores.chamfer, 0);
  EXPECT_NEAR(scores.normals.mean, 1, 1e-12);
  EXPECT_EQ(scores.f_scores[0].f, 1);
}

TEST(Points, ASheetAboveAnother) {
  // The truth has the same sheet and a second one farther away that nothing was predicted of.
  const at::Tensor predicted = sheet(0.02);
  const at::Tensor truth = at::cat({sheet(0), sheet(0.52)});
  const auto scores = score_points(predicted, truth, {.f_distances = {0.1, 0.01}, .clip = 0.25});
  EXPECT_NEAR(scores.accuracy.mean, 0.02, 1e-12);
  EXPECT_NEAR(scores.accuracy.median, 0.02, 1e-12);
  EXPECT_NEAR(scores.completeness.mean, (0.02 + 0.5) / 2, 1e-12);
  EXPECT_NEAR(scores.chamfer, (0.02 + 0.26) / 2, 1e-12);
  EXPECT_NEAR(scores.clipped_sum, 0.02 + (0.02 + 0.25) / 2, 1e-12);
  EXPECT_EQ(scores.f_scores[0].precision, 1);
  EXPECT_EQ(scores.f_scores[0].recall, 0.5);
  EXPECT_NEAR(scores.f_scores[0].f, 2 * 0.5 / 1.5, 1e-12);
  EXPECT_EQ(scores.f_scores[1].f, 0);
  EXPECT_NEAR(scores.normals.mean, 1, 1e-9);
}

TEST(Points, NormalsOfAPlaneAndOfOneAcrossIt) {
  const at::Tensor upright = sheet(0).index_select(1, at::tensor({2, 0, 1}, at::kLong));
  const at::Tensor normals = estimate_normals(upright);
  EXPECT_NEAR(normals.select(1, 0).abs().min().item<double>(), 1, 1e-9);
  const auto scores = score_points(sheet(0), upright, {});
  EXPECT_LT(scores.normals.median, 1e-9);
}

TEST(Points, IcpUndoesASmallMove) {
  const at::Tensor truth = scattered(4000, 0);
  const Similarity move{1, vggt::testing::rotation_about({1, 2, 3}, 0.01), {0.004, -0.003, 0.002}};
  const at::Tensor moved = move.apply(truth);
  const Similarity found = refine_by_icp(moved, truth, {});
  EXPECT_LT((found.apply(moved) - truth).abs().max().item<double>(), 1e-9);
  EXPECT_EQ(found.scale, 1);
}

TEST(Points, IcpLeavesWhatIsTooFarAlone) {
  const at::Tensor truth = scattered(100, 0);
  const Similarity found = refine_by_icp(truth + 10, truth, {});
  EXPECT_EQ(found.translation, (std::array<double, 3>{0, 0, 0}));
}

TEST(Points, VoxelsGiveTheMeansOfTheirPoints) {
  // The grid begins at -0.05: the first two points share a cube of side 0.1, the third has its own.
  const at::Tensor points =
      at::tensor({0.0, 0.0, 0.0, 0.04, 0.02, 0.0, 0.06, 0.0, 0.0}, at::kDouble).view({3, 3});
  const at::Tensor means = voxel_means(points, 0.1);
  ASSERT_EQ(means.size(0), 2);
  EXPECT_NEAR(means[0][0].item<double>(), 0.02, 1e-15);
  EXPECT_NEAR(means[0][1].item<double>(), 0.01, 1e-15);
  EXPECT_NEAR(means[1][0].item<double>(), 0.06, 1e-15);
}

TEST(Points, DrawsAreDistinctInOrderAndTheSameForASeed) {
  const at::Tensor points = at::arange(1000, at::kDouble).unsqueeze(1).expand({1000, 3});
  const at::Tensor drawn = draw_points(points, 100, 33);
  ASSERT_EQ(drawn.size(0), 100);
  EXPECT_TRUE((drawn.slice(0, 1) > drawn.slice(0, 0, 99)).all().item<bool>());
  EXPECT_TRUE(drawn.equal(draw_points(points, 100, 33)));
  EXPECT_FALSE(drawn.equal(draw_points(points, 100, 34)));
  EXPECT_NEAR(drawn.mean().item<double>(), 499.5, 120);  // four standard errors
  EXPECT_EQ(draw_points(points, 0, 33).size(0), 1000);
}

TEST(SpreadPoints, AreTheDistanceApartAndLeaveNoGap) {
  // A dense plane that crosses the cubes of side 1 at all places, below 0 too.
  const at::Tensor axis = at::arange(-20, 21, at::kDouble) * 0.23;
  const at::Tensor x = axis.view({-1, 1}).expand({41, 41}).reshape({-1});
  const at::Tensor y = axis.view({1, -1}).expand({41, 41}).reshape({-1});
  const at::Tensor points = at::stack({x, y, 0.7 * x - 0.4 * y}, 1);
  const at::Tensor kept = spread_points(points, 1, 3);
  EXPECT_LT(kept.size(0), points.size(0) / 8);
  const at::Tensor apart = at::cdist(kept, kept) + 9 * at::eye(kept.size(0), at::kDouble);
  EXPECT_GE(apart.min().item<double>(), 1);
  EXPECT_LT(std::get<0>(at::cdist(points, kept).min(1)).max().item<double>(), 1);
  EXPECT_TRUE(kept.equal(spread_points(points, 1, 3)));
  EXPECT_FALSE(kept.equal(spread_points(points, 1, 4)));
  EXPECT_TRUE(points.equal(spread_points(points, 0.2, 3)));  // in their order
}

}  // namespace
}  // namespace vggt::eval
