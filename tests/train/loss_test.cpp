// SPDX-License-Identifier: Apache-2.0
#include "src/train/loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace vggt::train {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(CameraLoss, IsNothingForTheTruthAndWeighsIterationsAndParts) {
  const at::Tensor truth = at::rand({2, 3, 9});
  EXPECT_EQ(camera_loss({truth, truth}, truth).item<double>(), 0);
  // Beyond the quadratic part an error e costs e - huber / 2.
  const auto off_by_one = [&](int64_t part) {
    at::Tensor pose = truth.clone();
    pose.select(2, part) += 1;
    return pose;
  };
  const CameraLossOptions options = {
      .decay = 0.5, .huber = 0.1, .translation = 2, .rotation = 3, .field_of_view = 5};
  const double each = 1 - 0.05;
  const auto loss = [&](const std::vector<at::Tensor>& iterations) {
    return camera_loss(iterations, truth, options).item<double>();
  };
  EXPECT_NEAR(loss({truth, off_by_one(1)}), 2 * each / 3, 1e-5);
  EXPECT_NEAR(loss({truth, off_by_one(4)}), 3 * each / 4, 1e-5);
  EXPECT_NEAR(loss({truth, off_by_one(8)}), 5 * each / 2, 1e-5);
  EXPECT_NEAR(loss({off_by_one(8), truth, truth}), 5 * each / 2 / 4, 1e-5);
}

TEST(DenseLoss, IsTheConfidenceWeightedErrorOfValidPixels) {
  const at::Tensor truth = at::full({1, 1, 2, 2, 1}, 4.0f);
  at::Tensor prediction = truth.clone();
  prediction.index_put_({at::tensor(0), at::tensor(0), at::tensor(0), at::tensor(0)}, 5.0f);
  at::Tensor confidence = at::full({1, 1, 2, 2}, 2.0f);
  at::Tensor valid = at::ones({1, 1, 2, 2}, at::kBool);
  const at::Tensor distance = truth.squeeze(-1);
  const DenseLoss loss = dense_loss(prediction, confidence, truth, distance, valid);
  // One pixel of four is off by 1, divided by the root of its distance.
  EXPECT_NEAR(loss.value.item<double>(), 2 * 0.5 / 4 - 0.2 * std::log(2), 1e-6);
  // Of two pairs side by side one differs, and of two above each other.
  EXPECT_NEAR(loss.gradient.item<double>(), 2 * 0.5 / 2 + 2 * 0.5 / 2, 1e-6);
}

TEST(DenseLoss, WhatIsNotValidHasNoSay) {
  at::Tensor truth = at::rand({1, 2, 4, 5, 3});
  truth[0][0][1].fill_(kNan);
  at::Tensor valid = at::ones({1, 2, 4, 5}, at::kBool);
  valid[0][0][1].fill_(false);
  const at::Tensor prediction = at::rand({1, 2, 4, 5, 3}).requires_grad_(true);
  const at::Tensor confidence = at::full({1, 2, 4, 5}, 1.5f);
  const DenseLoss loss = dense_loss(prediction, confidence, truth, at::ones({1, 2, 4, 5}), valid);
  (loss.value + loss.gradient).backward();
  EXPECT_TRUE(std::isfinite(loss.value.item<double>()));
  EXPECT_TRUE(prediction.grad().isfinite().all().item<bool>());
  EXPECT_EQ(prediction.grad()[0][0][1].abs().max().item<double>(), 0);
  EXPECT_GT(prediction.grad()[0][0][2].abs().min().item<double>(), 0);
  const DenseLoss none =
      dense_loss(prediction, confidence, truth, at::ones({1, 2, 4, 5}), at::zeros_like(valid));
  EXPECT_EQ(none.value.item<double>(), 0);
}

TEST(DenseLoss, AsksForAConfidenceThatFitsTheError) {
  // confidence * e - 0.2 log(confidence) is least at 0.2 / e.
  const at::Tensor truth = at::ones({1, 1, 1, 1, 1});
  const at::Tensor confidence = at::full({1, 1, 1, 1}, 4.0f).requires_grad_(true);
  const at::Tensor valid = at::ones({1, 1, 1, 1}, at::kBool);
  dense_loss(truth + 0.05, confidence, truth, truth.squeeze(-1), valid).value.backward();
  EXPECT_NEAR(confidence.grad().item<double>(), 0, 1e-6);
  // With five times the reward at five times that.
  const at::Tensor more = at::full({1, 1, 1, 1}, 20.0f).requires_grad_(true);
  dense_loss(truth + 0.05, more, truth, truth.squeeze(-1), valid, 1).value.backward();
  EXPECT_NEAR(more.grad().item<double>(), 0, 1e-6);
}

TEST(TrackLoss, CountsVisiblePointsAlone) {
  const at::Tensor truth = at::zeros({1, 2, 3, 2});
  at::Tensor visible = at::ones({1, 2, 3}, at::kBool);
  visible[0][1][2].fill_(false);
  at::Tensor track = truth.clone();
  track[0][1][2].fill_(1000);
  const at::Tensor sure = visible.to(at::kFloat).clamp(0.001, 0.999);
  const double right = track_loss({track}, sure, truth, visible).item<double>();
  EXPECT_NEAR(right, -std::log(0.999), 1e-5);
  track[0][0][0][1] = 5;
  EXPECT_NEAR(track_loss({track}, sure, truth, visible).item<double>(), right + 1, 1e-5);
}

TEST(TrackLoss, LaterIterationsCountMore) {
  const at::Tensor truth = at::zeros({1, 1, 2, 2});
  const at::Tensor visible = at::ones({1, 1, 2}, at::kBool);
  const at::Tensor sure = at::full({1, 1, 2}, 0.999);
  const auto loss = [&](const std::vector<at::Tensor>& iterations) {
    return track_loss(iterations, sure, truth, visible, {.decay = 0.5}).item<double>() +
           std::log(0.999);
  };
  EXPECT_NEAR(loss({truth, truth + 1}), 2, 1e-5);
  EXPECT_NEAR(loss({truth + 1, truth, truth}), 2 * 0.25, 1e-5);
}

}  // namespace
}  // namespace vggt::train
