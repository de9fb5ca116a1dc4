// SPDX-License-Identifier: Apache-2.0
#include "src/eval/trajectory_metrics.h"

#include "tests/support/camera_path.h"
#include "tests/support/message_of.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace vggt::eval {
namespace {

using vggt::testing::rotation_about;
using vggt::testing::winding_path;

const Similarity kMoved{3.7, rotation_about({1, -2, 0.4}, 2), {4, 5, -6}};
constexpr double kRounding = 1e-12;  // of coordinates up to ten, through a singular value problem

TEST(Trajectory, OfASimilarWorldHasNoError) {
  const auto truth = winding_path(12);
  const auto scores =
      score_trajectory(aligned_cameras(truth, kMoved), truth, TrajectoryAlignment::kSimilarity);
  EXPECT_LT(scores.ate_rmse, kRounding);
  EXPECT_LT(scores.ate_max, kRounding);
  EXPECT_LT(scores.are_deg, 1e-10);
  EXPECT_LT(scores.rpe_translation, kRounding);
  EXPECT_LT(scores.rpe_rotation_deg, 1e-10);
  EXPECT_NEAR(scores.truth_from_predicted.scale, 1 / 3.7, kRounding);
  EXPECT_FALSE(scores.degenerate_alignment);
}

TEST(Trajectory, ARigidAlignmentLeavesTheScaleWrong) {
  const auto truth = winding_path(12);
  const auto scores =
      score_trajectory(aligned_cameras(truth, kMoved), truth, TrajectoryAlignment::kRigid);
  EXPECT_EQ(scores.truth_from_predicted.scale, 1);
  EXPECT_GT(scores.ate_rmse, 1);
  EXPECT_LT(scores.are_deg, 1e-10);
}

TEST(Trajectory, CountsWhatIsKnownToBeWrong) {
  // Centres at the corners of a square, alternately lifted and lowered by a tenth: no similarity
  // takes that away, the aligned scale aside.
  std::vector<Camera> truth;
  std::vector<Camera> predicted;
  for (int i = 0; i < 4; ++i) {
    const double x = i == 1 || i == 2 ? 1 : -1;
    const double y = i >= 2 ? 1 : -1;
    truth.push_back(placed({}, inverse(Rigid{{1, 0, 0, 0, 1, 0, 0, 0, 1}, {x, y, 0}})));
    predicted.push_back(placed(
        {}, inverse(Rigid{rotation_about({0, 0, 1}, 0.1), {x, y, i % 2 == 0 ? 0.1 : -0.1}})));
  }
  const auto scores = score_trajectory(predicted, truth, TrajectoryAlignment::kRigid);
  EXPECT_NEAR(scores.ate_rmse, 0.1, kRounding);
  EXPECT_NEAR(scores.ate_mean, 0.1, kRounding);
  EXPECT_NEAR(scores.ate_median, 0.1, kRounding);
  EXPECT_NEAR(scores.ate_max, 0.1, kRounding);
  EXPECT_NEAR(scores.are_deg, 0.1 * 180 / std::numbers::pi, 1e-10);
  // Each camera is turned by the same, so from one to the next there is no turn, but in its own
  // axes a step of 2 goes astray by 2 * 2 sin(0.05) across, and by 0.2 along z.
  EXPECT_LT(scores.rpe_rotation_deg, 1e-10);
  EXPECT_NEAR(scores.rpe_translation, std::hypot(4 * std::sin(0.05), 0.2), kRounding);
}

TEST(Trajectory, OnALineSaysSo) {
  std::vector<Camera> line;
  for (int i = 0; i < 5; ++i) {
    line.push_back(placed({}, {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {1.0 * i, 2.0 * i, 0}}));
  }
  const auto scores = score_trajectory(line, line, TrajectoryAlignment::kSimilarity);
  EXPECT_TRUE(scores.degenerate_alignment);
  EXPECT_LT(scores.ate_rmse, kRounding);
}

TEST(Trajectory, WithTheOriginTheFirstCameraIsExact) {
  const auto truth = winding_path(12);
  auto predicted = aligned_cameras(truth, kMoved);
  predicted[5].translation[0] += 0.7;
  const auto free = score_trajectory(predicted, truth, TrajectoryAlignment::kSimilarity);
  const auto fixed = score_trajectory(predicted, truth, TrajectoryAlignment::kSimilarityAndOrigin);
  const auto first = truth[0].centre_in_world();
  double before = 0;
  for (int k = 0; k < 3; ++k) {
    before += std::abs(free.aligned[0][k] - first[k]);
    EXPECT_NEAR(fixed.aligned[0][k], first[k], kRounding);
  }
  EXPECT_GT(before, 1e-3);
  EXPECT_EQ(fixed.truth_from_predicted.scale, free.truth_from_predicted.scale);
  EXPECT_GT(fixed.ate_rmse, free.ate_rmse);
  // Only the world moves, so the motion from frame to frame is as wrong as before.
  EXPECT_NEAR(fixed.rpe_translation, free.rpe_translation, 1e-10);
}

TEST(Trajectory, OfInvertedPosesIsAnother) {
  const auto truth = winding_path(12);
  const auto inverted = inverted_poses(truth);
  EXPECT_EQ(inverted[3].translation, truth[3].centre_in_world());
  for (int k = 0; k < 3; ++k) {
    EXPECT_NEAR(inverted[3].centre_in_world()[k], truth[3].translation[k], kRounding);
  }
  // The same path in another world is right, and no longer when each pose is inverted.
  const auto predicted = inverted_poses(aligned_cameras(truth, {1, kMoved.rotation, {4, 5, -6}}));
  EXPECT_GT(score_trajectory(predicted, inverted, TrajectoryAlignment::kSimilarity).ate_rmse, 0.1);
}

TEST(Trajectory, NeedsThreeFrames) {
  const auto two = winding_path(2);
  EXPECT_FALSE(message_of<c10::Error>([&] {
                 score_trajectory(two, two, TrajectoryAlignment::kSimilarity);
               }).empty());
}

TEST(Stretches, MeasureDriftPerLength) {
  // 1000 units straight on; the prediction is one percent too long and turns nothing.
  std::vector<Camera> truth;
  std::vector<Camera> predicted;
  for (int i = 0; i <= 500; ++i) {
    truth.push_back(placed({}, {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, -2.0 * i}}));
    predicted.push_back(placed({}, {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, -2.02 * i}}));
  }
  const StretchScores scores = score_stretches(predicted, truth);
  EXPECT_NEAR(scores.translation_percent, 1, 1e-9);
  EXPECT_NEAR(scores.rotation_deg_per_metre, 0, 1e-9);
  // From frame 10 k there are 1000 - 20 k units left, of which each full hundred up to 800 counts.
  int64_t expected = 0;
  for (int k = 0; k <= 50; ++k) expected += std::min((1000 - 20 * k) / 100, 8);
  EXPECT_EQ(scores.stretches, expected);
  // The same path in millimetres.
  for (Camera& camera : truth) camera.translation[2] *= 1000;
  for (Camera& camera : predicted) camera.translation[2] *= 1000;
  const StretchScores fine = score_stretches(predicted, truth, 1000);
  EXPECT_NEAR(fine.translation_percent, 1, 1e-9);
  EXPECT_EQ(fine.stretches, expected);
  const auto few = winding_path(5);
  EXPECT_TRUE(std::isnan(score_stretches(few, few).translation_percent));
}

}  // namespace
}  // namespace vggt::eval
