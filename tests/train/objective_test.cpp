// SPDX-License-Identifier: Apache-2.0
#include "src/train/objective.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>

#include "src/train/initial_weights.h"

namespace vggt::train {
namespace {

Recipe recipe_of_primes() {
  Recipe recipe;
  recipe.model = "tiny";
  recipe.encoder_steps = 10;
  recipe.loss.camera = 2;
  recipe.loss.depth = 3;
  recipe.loss.depth_gradient = 5;
  recipe.loss.point = 7;
  recipe.loss.track = 11;
  recipe.loss.descriptor = 13;
  recipe.loss.attention = 17;
  recipe.loss.own_place = 19;
  recipe.loss.place = 23;
  recipe.loss.coarse_point = 29;
  recipe.loss.aids_from = 100;
  recipe.loss.fade_steps = 40;
  return recipe;
}

class ObjectiveTest : public ::testing::Test {
 protected:
  // The sum that is minimised, from the parts in the log.
  void expect_total(int64_t step, double aid, size_t parts) {
    const StepLosses losses = objective_.losses(batch_, step);
    EXPECT_EQ(losses.parts.size(), parts);
    double sum = 0;
    for (const auto& [name, value] : losses.parts) sum += weight_of(name, aid) * value;
    EXPECT_NEAR(losses.total.item<double>(), sum, 1e-4 * std::abs(sum)) << step;
    EXPECT_TRUE(losses.total.requires_grad());
  }

  static double weight_of(const std::string& name, double aid) {
    const std::map<std::string, double> weights = {{"camera", 2},
                                                   {"depth", 3},
                                                   {"depth_gradient", 5},
                                                   {"point", 7},
                                                   {"point_gradient", 7 * 5},
                                                   {"track", 11},
                                                   {"descriptor", 13 * aid},
                                                   {"attention", 17 * aid},
                                                   {"own_place", 19 * aid},
                                                   {"place", 23 * aid},
                                                   {"coarse_point", 29 * aid},
                                                   {"descriptor_accuracy", 0},
                                                   {"attention_accuracy", 0}};
    return weights.at(name);
  }

  Recipe recipe_ = recipe_of_primes();
  std::shared_ptr<Vggt> model_ = initial_model(ModelConfig::preset("tiny"), 3);
  VggtObjective objective_{model_, recipe_};
  Batch batch_ = make_batch(
      {synthetic::make_sample({.frames = 2, .width_px = 56, .height_px = 42, .tracks = 4},
                              synthetic::make_textures({.count = 15, .size_px = 32}),
                              5)},
      1);
};

TEST_F(ObjectiveTest, MinimisesTheWeightedSumOfItsParts) {
  ASSERT_TRUE(model_->camera_head && model_->depth_head && model_->point_head &&
              model_->track_head);
  expect_total(10, 1, 13);
  expect_total(110, 1, 13);
}

TEST_F(ObjectiveTest, TheAidsFadeAway) {
  expect_total(120, 0.75, 13);
  expect_total(140, 0.25, 13);
  expect_total(150, 0, 6);
  expect_total(1000, 0, 6);
}

TEST_F(ObjectiveTest, WithoutTracksOrHeadsTheirLossesAreLeftOut) {
  batch_.tracks = batch_.visible = at::Tensor();
  expect_total(150, 0, 5);
}

TEST_F(ObjectiveTest, TheEncoderLearnsDescriptorsAloneFirst) {
  const StepLosses losses = objective_.losses(batch_, 9);
  ASSERT_EQ(losses.parts.size(), 2u);
  EXPECT_EQ(losses.parts[0].first, "descriptor");
  EXPECT_NEAR(losses.total.item<double>(), losses.parts[0].second, 1e-6);
  losses.total.backward();
  EXPECT_FALSE(model_->aggregator->camera_token.grad().defined());
}

TEST_F(ObjectiveTest, TheSameStepGivesTheSameLosses) {
  EXPECT_EQ(objective_.losses(batch_, 20).total.item<double>(),
            objective_.losses(batch_, 20).total.item<double>());
}

}  // namespace
}  // namespace vggt::train
