// SPDX-License-Identifier: Apache-2.0
#include "src/train/validation.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "src/train/initial_weights.h"
#include "src/train/run_folder.h"
#include "tests/support/temporary_folder.h"

namespace vggt::train {
namespace {

Recipe small() {
  Recipe recipe;
  recipe.model = "tiny";
  recipe.data.sizes_px = {{42, 56}};
  recipe.data.textures = 15;
  recipe.validation = {.scenes = 3, .frames = 3, .seed = 7};
  return recipe;
}

TEST(Validation, ScoresEveryPairOfItsScenesAndTheDepth) {
  const Validation validation(small());
  const auto model = initial_model(ModelConfig::preset("tiny"), 1);
  const ValidationScores scores = validation.score(*model);
  EXPECT_EQ(scores.poses.pairs, 9);
  EXPECT_GT(scores.poses.median_rotation_deg, 0);
  EXPECT_GT(scores.depth_abs_rel, 0.01);
  EXPECT_TRUE(std::isfinite(scores.depth_abs_rel));
}

TEST(Validation, IsTheSameEachTimeAndAnotherWithAnotherSeed) {
  const auto model = initial_model(ModelConfig::preset("tiny"), 1);
  Recipe recipe = small();
  const double first = Validation(recipe).score(*model).depth_abs_rel;
  EXPECT_EQ(Validation(recipe).score(*model).depth_abs_rel, first);
  recipe.validation.seed = 8;
  EXPECT_NE(Validation(recipe).score(*model).depth_abs_rel, first);
}

TEST(Validation, APoseThatIsNoNumberFailsAtEveryThreshold) {
  const auto model = initial_model(ModelConfig::preset("tiny"), 1);
  for (auto& parameter : model->camera_head->named_parameters()) {
    parameter.value().set_data(
        at::full(parameter.value().sizes(), std::numeric_limits<float>::quiet_NaN()));
  }
  const ValidationScores scores = Validation(small()).score(*model);
  EXPECT_EQ(scores.poses.pairs, 9);
  for (const double auc : scores.poses.auc) EXPECT_EQ(auc, 0);
}

TEST(Validation, ItsScoresAreCurvesOfTheRun) {
  const TemporaryFolder folder;
  RunFolder run(folder.path() + "/run", false);
  run.begin(small(), 0);
  StepReport report;
  report.step = 20;
  report.loss = 3;
  report.parts = {{"camera", 2}};
  run.log(report);
  ValidationScores scores;
  scores.depth_abs_rel = 0.25;
  scores.poses.auc[3] = 0.5;
  run.log(30, scores);
  const std::vector<Curve> curves = run.curves();
  const auto value_of = [&](const std::string& name) {
    for (const Curve& curve : curves) {
      if (curve.name == name) return curve.points.back();
    }
    return std::pair<int64_t, double>(-1, 0);
  };
  EXPECT_EQ(value_of("loss"), std::pair(int64_t{20}, 3.0));
  EXPECT_EQ(value_of("camera"), std::pair(int64_t{20}, 2.0));
  EXPECT_EQ(value_of("held out: auc_30"), std::pair(int64_t{30}, 50.0));
  EXPECT_EQ(value_of("held out: depth_abs_rel"), std::pair(int64_t{30}, 0.25));
  EXPECT_EQ(run.reports().size(), 1u);
}

}  // namespace
}  // namespace vggt::train
