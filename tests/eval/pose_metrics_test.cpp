// SPDX-License-Identifier: Apache-2.0
#include "src/eval/pose_metrics.h"

#include "src/eval/trajectory_metrics.h"
#include "src/geometry/similarity.h"
#include "tests/support/camera_path.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace vggt::eval {
namespace {

using vggt::testing::rotation_about;
using vggt::testing::winding_path;

constexpr double kDegree = std::numbers::pi / 180;
// The square root of a cosine's rounding, a few 1e-15, and of the published guard of that size.
constexpr double kFloor_deg = 1e-5;

std::vector<double> of_30_deg(const std::vector<PairError>& pairs) {
  std::vector<double> errors;
  for (const PairError& pair : pairs) {
    errors.push_back(std::max(pair.rotation_deg, pair.translation_deg));
  }
  return errors;
}

TEST(PairErrors, OfTheTruthItselfAreZero) {
  const auto truth = winding_path(10);
  const auto pairs = pair_errors(truth, truth);
  ASSERT_EQ(pairs.size(), 45);
  for (const PairError& pair : pairs) {
    EXPECT_LT(pair.rotation_deg, kFloor_deg);
    EXPECT_LT(pair.translation_deg, kFloor_deg);
  }
  const PoseScores scores = score_pairs(pairs);
  for (size_t t = 0; t < kThresholds_deg.size(); ++t) {
    EXPECT_EQ(scores.auc[t], 1);
    EXPECT_EQ(scores.rra[t], 1);
    EXPECT_EQ(scores.rta[t], 1);
  }
}

// A mix-up of world-from-camera and camera-from-world, or P_i^-1 P_j of the latter, fails here.
TEST(PairErrors, DoNotDependOnWorldFrameAndScale) {
  const auto truth = winding_path(10);
  const auto moved = aligned_cameras(truth, {3.7, rotation_about({1, -2, 0.4}, 2), {4, 5, -6}});
  for (const PairError& pair : pair_errors(moved, truth)) {
    EXPECT_LT(pair.rotation_deg, kFloor_deg);
    EXPECT_LT(pair.translation_deg, kFloor_deg);
  }
}

TEST(PairErrors, TheWrongWayCountsAsRight) {
  auto truth = winding_path(2);
  truth[0] = placed(truth[0], {});
  auto predicted = truth;
  for (double& t : predicted[1].translation) t = -t;
  EXPECT_LT(pair_errors(predicted, truth)[0].translation_deg, kFloor_deg);
}

TEST(PairErrors, OneTurnedCameraOfTenSpoilsItsNinePairs) {
  const auto truth = winding_path(10);
  constexpr size_t kTurned = 4;
  auto predicted = truth;
  // About its own centre: R' = Q R, t' = Q t.
  predicted[kTurned] =
      placed(truth[kTurned],
             Rigid{rotation_about({0, 1, 0}, 10.5 * kDegree), {}} * cam_from_world(truth[kTurned]));
  const auto pairs = pair_errors(predicted, truth);
  size_t k = 0;
  int turned = 0;
  for (size_t i = 0; i < 10; ++i) {
    for (size_t j = i + 1; j < 10; ++j, ++k) {
      const bool touched = i == kTurned || j == kTurned;
      turned += touched;
      EXPECT_NEAR(pairs[k].rotation_deg, touched ? 10.5 : 0, kFloor_deg);
      // The translation of P_i P_j^-1 is expressed in camera i, so only there it turns.
      if (i == kTurned) {
        EXPECT_GT(pairs[k].translation_deg, 0.1);
        EXPECT_LT(pairs[k].translation_deg, 10.5 + kFloor_deg);
      } else {
        EXPECT_LT(pairs[k].translation_deg, kFloor_deg);
      }
    }
  }
  EXPECT_EQ(turned, 9);
  EXPECT_NEAR(auc(of_30_deg(pairs), 30), (36 * 30 + 9 * (30 - 10)) / 30.0 / 45, 1e-12);
  EXPECT_NEAR(auc(of_30_deg(pairs), 30), 0.93333, 5e-6);  // the specification's number
}

TEST(PairErrors, NoTrueBaselineCountsForRotationsOnly) {
  auto truth = winding_path(4);
  // The second stands where the first does.
  truth[1] = placed(truth[1], {truth[1].rotation, {0, 0, 0}});
  truth[0] = placed(truth[0], {truth[0].rotation, {0, 0, 0}});
  const auto pairs = pair_errors(truth, truth);
  EXPECT_TRUE(pairs[0].degenerate);
  const PoseScores scores = score_pairs(pairs);
  EXPECT_EQ(scores.pairs, 6);
  EXPECT_EQ(scores.degenerate, 1);
  EXPECT_EQ(scores.auc[3], 1);
  EXPECT_FALSE(pair_errors(truth, truth, {.find_degenerate = false})[0].degenerate);
  EXPECT_NEAR(pair_errors(truth, truth, {.find_degenerate = false})[0].translation_deg, 90, 1e-6);
}

TEST(PairErrors, WhatIsNotFiniteFails) {
  const auto truth = winding_path(3);
  auto predicted = truth;
  predicted[2].translation[0] = std::numeric_limits<double>::quiet_NaN();
  predicted[1].rotation[0] = std::numeric_limits<double>::infinity();
  const auto pairs = pair_errors(predicted, truth);
  EXPECT_EQ(pairs[0].rotation_deg, kFailed_deg);
  EXPECT_EQ(pairs[1].translation_deg, kFailed_deg);
  EXPECT_LT(pairs[1].rotation_deg, kFloor_deg);
}

TEST(FailedPairs, AreDegenerateWhereTheTruthHasNoBaseline) {
  auto truth = winding_path(10);
  EXPECT_EQ(failed_pairs(truth).size(), 45);
  EXPECT_EQ(score_pairs(failed_pairs(truth)).auc[3], 0);
  EXPECT_EQ(score_pairs(failed_pairs(truth)).degenerate, 0);
  for (Camera& camera : truth) camera = placed(camera, {camera.rotation, {0, 0, 0}});
  const PoseScores turning = score_pairs(failed_pairs(truth));
  EXPECT_EQ(turning.degenerate, 45);
  EXPECT_EQ(turning.rra[3], 0);
  EXPECT_TRUE(std::isnan(turning.auc[3]));
  EXPECT_EQ(score_pairs(failed_pairs(truth, {.find_degenerate = false})).auc[3], 0);
}

TEST(FailedPairs, HaveNoMedianAngle) {
  const auto truth = winding_path(3);
  std::vector<PairError> pairs = failed_pairs(truth);
  pairs.push_back({1, 2});
  EXPECT_TRUE(std::isinf(score_pairs(pairs).median_rotation_deg));
  EXPECT_TRUE(std::isinf(score_pairs(pairs).median_translation_deg));
  pairs.insert(pairs.end(), 2, {3, 4});  // as many again: the middle is between both kinds
  EXPECT_TRUE(std::isinf(score_pairs(pairs).median_rotation_deg));
  pairs.push_back({3, 4});
  EXPECT_EQ(score_pairs(pairs).median_rotation_deg, 3);
  // A category without one is no reason to praise the mean of the others.
  const std::vector<PoseScores> both = {score_pairs(pairs), score_pairs(failed_pairs(truth))};
  EXPECT_TRUE(std::isinf(mean_of(both).median_rotation_deg));
}

TEST(Auc, HasTheHistogramsEdges) {
  const std::vector<double> errors = {0, 0.999, 1.0, 29.999, 30.0, 30.001};
  EXPECT_NEAR(auc(errors, 30), 0.505556, 5e-7);  // the specification's number
  EXPECT_NEAR(auc(errors, 30), (1 + 1 + 29 / 30.0 + 1 / 30.0 + 1 / 30.0 + 0) / 6, 1e-12);
}

TEST(Auc, ExactOneIsBelowByLessThanABin) {
  const std::vector<double> errors = {0.3, 2.7, 4.9, 11.1, 50};
  for (const int64_t threshold : {3, 5, 15, 30}) {
    const double exact = exact_auc(errors, static_cast<double>(threshold));
    EXPECT_LE(exact, auc(errors, threshold));
    EXPECT_GE(exact + 1.0 / static_cast<double>(threshold), auc(errors, threshold));
  }
  EXPECT_NEAR(exact_auc(errors, 5), (0.94 + 0.46 + 0.02) / 5, 1e-12);
}

TEST(Auc, TrapezoidsUnderTheRecallCurve) {
  // Recall rises linearly to 1/2 at 2 and to 1 at 4, then stays up to 10.
  const std::vector<double> errors = {4, 2};
  EXPECT_NEAR(trapezoid_auc(errors, 10), (0.5 + 1.5 + 6) / 10, 1e-12);
  EXPECT_NEAR(trapezoid_auc(errors, 3), (0.5 + 0.5) / 3, 1e-12);
}

TEST(Auc, OfNothingIsNoNumber) {
  EXPECT_TRUE(std::isnan(auc({}, 30)));
  EXPECT_TRUE(std::isnan(recall({}, 30)));
  EXPECT_TRUE(std::isnan(median({})));
}

TEST(Recall, IsStrict) {
  const std::vector<double> errors = {4.999, 5, 6};
  EXPECT_DOUBLE_EQ(recall(errors, 5), 1 / 3.0);
}

TEST(Pool, WeighsCategoriesEquallyAndPoolsAllBeside) {
  const std::vector<PairError> good(10, {0.5, 0.5});
  const std::vector<PairError> bad(30, {100, 80});
  const std::vector<SequencePairs> sequences = {{"cup", good}, {"apple", bad}, {"cup", bad}};
  const PooledScores scores = pool(sequences);
  ASSERT_EQ(scores.categories.size(), 2);
  EXPECT_EQ(scores.categories[0].category, "cup");
  EXPECT_EQ(scores.categories[0].sequences, 2);
  EXPECT_DOUBLE_EQ(scores.categories[0].scores.auc[3], 0.25);
  EXPECT_DOUBLE_EQ(scores.mean.auc[3], 0.125);
  EXPECT_DOUBLE_EQ(scores.pooled.auc[3], 10 / 70.0);
  EXPECT_EQ(scores.mean.pairs, 70);
}

TEST(Median, OfAnEvenNumberIsBetween) {
  EXPECT_EQ(median({5, 1, 2, 9}), 3.5);
  EXPECT_EQ(median({5, 1, 2}), 2);
}

}  // namespace
}  // namespace vggt::eval
