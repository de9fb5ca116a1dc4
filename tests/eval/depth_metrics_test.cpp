// SPDX-License-Identifier: Apache-2.0
#include "src/eval/depth_metrics.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace vggt::eval {
namespace {

at::Tensor ramp(int64_t count) {
  return 1 + at::arange(count, at::kDouble) * 0.37 + at::sin(at::arange(count, at::kDouble));
}

TEST(Depth, ScaleAndShiftUndoThem) {
  const at::Tensor truth = ramp(101);
  const auto scores = score_depth(2 * truth + 1, truth, {.alignment = DepthAlignment::kScaleShift});
  EXPECT_LT(scores.abs_rel, 1e-9);  // the search ends at 1e-12 of the scale
  EXPECT_EQ(scores.delta[0], 1);
  EXPECT_GT(score_depth(2 * truth + 1, truth, {.alignment = DepthAlignment::kMedian}).abs_rel,
            0.01);
  const auto squares = fit_depth(2 * truth + 1, truth, DepthAlignment::kLeastSquares);
  EXPECT_NEAR(squares.scale, 0.5, 1e-12);
  EXPECT_NEAR(squares.shift, -0.5, 1e-12);
}

TEST(Depth, LeastAbsoluteFitIgnoresOutliers) {
  at::Tensor truth = ramp(101);
  const at::Tensor predicted = (3 * truth - 0.5).clone();
  truth.slice(0, 0, 101, 5).fill_(1000);  // a fifth
  const DepthFit fit = fit_depth(predicted, truth, DepthAlignment::kScaleShift);
  EXPECT_NEAR(fit.scale, 1 / 3.0, 1e-9);
  EXPECT_NEAR(fit.shift, 0.5 / 3, 1e-9);
}

TEST(Depth, LeastAbsoluteFitIsNoWorseThanItsNeighbours) {
  // Noise of a fixed pattern, no exact solution: the sum must rise to all sides.
  const at::Tensor truth = ramp(200);
  const at::Tensor i = at::arange(200, at::kDouble);
  const at::Tensor predicted = 0.7 * truth + 0.4 * at::sin(12.9898 * i) + 2;
  const DepthFit fit = fit_depth(predicted, truth, DepthAlignment::kScaleShift);
  const auto sum = [&](double scale, double shift) {
    return (scale * predicted + shift - truth).abs().sum().item<double>();
  };
  const double least = sum(fit.scale, fit.shift);
  for (const double step : {1e-3, -1e-3}) {
    EXPECT_LE(least, sum(fit.scale + step, fit.shift));
    EXPECT_LE(least, sum(fit.scale, fit.shift + step));
    EXPECT_LE(least, sum(fit.scale + step, fit.shift - step * 20));
  }
}

TEST(Depth, MedianAndScaleUndoAScale) {
  const at::Tensor truth = ramp(64);
  for (const DepthAlignment alignment : {DepthAlignment::kMedian, DepthAlignment::kScale}) {
    EXPECT_LT(score_depth(truth / 7, truth, {.alignment = alignment}).abs_rel, 1e-9);
  }
  EXPECT_NEAR(score_depth(truth / 7, truth, {.alignment = DepthAlignment::kMetric}).abs_rel,
              6 / 7.0,
              1e-12);
}

TEST(Depth, NumbersOfASmallCase) {
  const at::Tensor truth = at::tensor({1.0, 2.0, 4.0, 5.0}, at::kDouble);
  const at::Tensor predicted = at::tensor({1.1, 2.0, 2.0, 10.0}, at::kDouble);
  const auto scores = score_depth(predicted, truth, {.alignment = DepthAlignment::kMetric});
  EXPECT_EQ(scores.pixels, 4);
  EXPECT_NEAR(scores.abs_rel, (0.1 + 0 + 0.5 + 1) / 4, 1e-12);
  EXPECT_NEAR(scores.sq_rel, (0.01 + 0 + 1 + 5) / 4, 1e-12);
  EXPECT_NEAR(scores.rmse, std::sqrt((0.01 + 0 + 4 + 25) / 4), 1e-12);
  EXPECT_NEAR(scores.log_rmse,
              std::sqrt((std::pow(std::log(1.1), 2) + 2 * std::pow(std::log(2), 2)) / 4),
              1e-12);
  EXPECT_EQ(scores.delta[0], 0.5);  // 2 is beyond 1.25^3 = 1.95
  EXPECT_EQ(scores.delta[2], 0.5);
}

TEST(Depth, CountsOnlyPixelsWithATruth) {
  const double inf = std::numeric_limits<double>::infinity();
  const at::Tensor truth = at::tensor({1.0, 0.0, inf, -1.0, 80.0, 2.0}, at::kDouble);
  const at::Tensor predicted = at::tensor({1.0, 5.0, 5.0, 5.0, 80.0, NAN}, at::kDouble);
  const DepthOptions metric{.alignment = DepthAlignment::kMetric};
  EXPECT_EQ(score_depth(predicted, truth, metric).pixels, 2);
  EXPECT_EQ(
      score_depth(predicted, truth, {.alignment = DepthAlignment::kMetric, .farthest = 70}).pixels,
      1);
  EXPECT_TRUE(std::isnan(score_depth(predicted, at::zeros({6}, at::kDouble), metric).abs_rel));
}

TEST(Depth, NegativeAfterTheFitIsWrongByAnyFactor) {
  const at::Tensor truth = at::tensor({1.0, 2.0}, at::kDouble);
  const auto scores = score_depth(-truth, truth, {.alignment = DepthAlignment::kMetric});
  EXPECT_EQ(scores.delta[2], 0);
}

TEST(Depth, MeanWeighsByPixels) {
  const DepthScores one{.pixels = 1, .abs_rel = 4};
  const DepthScores three{.pixels = 3, .abs_rel = 0};
  const DepthScores none{.pixels = 0, .abs_rel = NAN};
  const DepthScores scores[] = {one, three, none};
  EXPECT_EQ(mean_of(scores).abs_rel, 1);
  EXPECT_EQ(mean_of(scores).pixels, 4);
}

}  // namespace
}  // namespace vggt::eval
