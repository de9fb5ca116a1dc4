// SPDX-License-Identifier: Apache-2.0
#include "src/train/come_objective.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "src/base/error.h"
#include "src/train/trainer.h"
#include "src/weights/load.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace vggt::train {
namespace {

using ::testing::HasSubstr;

Recipe small() {
  Recipe recipe;
  recipe.model = "tiny";
  recipe.steps = 60;
  recipe.bf16 = false;
  recipe.seed = 1;
  recipe.data.sizes_px = {{42, 56}};
  recipe.data.max_frames = 2;
  recipe.data.pictures = 2;
  recipe.data.group = 2;
  recipe.data.reuse = 4;
  recipe.data.textures = 15;
  recipe.optimiser.learning_rate = 3e-3;
  recipe.optimiser.warmup_steps = 2;
  recipe.optimiser.decay_steps = 0;
  recipe.optimiser.ema_decay = 0.9;
  recipe.come.width = 16;
  return recipe;
}

std::shared_ptr<Vggt> teacher() { return synthetic_model(1, ModelConfig::tiny(), {}); }

TEST(ComeObjective, ThePredictorLearnsTheOrderAndTheTeacherStaysAsItIs) {
  const auto model = teacher();
  std::map<std::string, at::Tensor> before;
  for (const auto& p : model->named_parameters()) before[p.key()] = p.value().clone();
  const Recipe recipe = small();
  ComeObjective objective(model, recipe);
  std::vector<StepReport> reports;
  std::vector<Checkpoint> checkpoints;
  TrainerOptions options;
  options.report_every = 15;
  options.on_report = [&](const StepReport& report) { reports.push_back(report); };
  options.on_checkpoint = [&](const Checkpoint& c) { checkpoints.push_back(c); };
  Trainer(objective, recipe, options).run();
  ASSERT_EQ(reports.size(), 4u);
  EXPECT_LT(reports.back().loss, reports.front().loss);
  ASSERT_EQ(reports.back().parts[1].first, "pairs right");
  // A coin gives half of the pairs.
  EXPECT_GT(reports.back().parts[1].second, 0.6);
  for (const auto& p : model->named_parameters()) {
    EXPECT_TRUE(at::equal(p.value(), before[p.key()])) << p.key();
  }
  // What the run leaves is read back as a predictor of the tap.
  TemporaryFolder folder;
  accel::write_predictor(folder.file("p.safetensors"), objective.averaged(checkpoints.back()));
  EXPECT_EQ(accel::read_predictor(folder.file("p.safetensors"), 3).tap, accel::come_tap(3));
}

TEST(ComeObjective, EqualConfidenceGivesNoGradient) {
  const auto model = teacher();
  // A head whose last layer is zero is equally confident everywhere.
  for (auto& p : model->named_parameters()) {
    if (p.key().find("depth_head.scratch.output_conv2.2") != std::string::npos) {
      p.value().set_data(at::zeros_like(p.value()));
    }
  }
  ComeObjective objective(model, small());
  Batch batch;
  batch.images = at::rand({1, 2, 3, 42, 56});
  const StepLosses losses = objective.losses(batch, 0);
  EXPECT_EQ(losses.total.item<double>(), 0);
}

TEST(ComeObjective, SaysWhatDoesNotFit) {
  ModelConfig config = ModelConfig::tiny();
  config.keep_heads({"camera"}, "heads");
  EXPECT_THAT(
      message_of<ConfigError>([&] { ComeObjective(synthetic_model(1, config, {}), small()); }),
      HasSubstr("learns from a depth head"));
  Recipe recipe = small();
  recipe.come.tap = 3;
  EXPECT_THAT(message_of<ConfigError>([&] { ComeObjective(teacher(), recipe); }),
              HasSubstr("come.tap: 3 is no block of an encoder of 3"));
}

}  // namespace
}  // namespace vggt::train
