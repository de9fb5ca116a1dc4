// SPDX-License-Identifier: Apache-2.0
#include "src/train/trainer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <optional>

#include "src/base/error.h"
#include "src/train/checkpoint.h"
#include "src/train/initial_weights.h"
#include "src/train/run_folder.h"
#include "src/weights/load.h"
#include "tests/support/temporary_folder.h"

namespace vggt::train {
namespace {

Recipe small(int64_t steps) {
  Recipe recipe;
  recipe.model = "tiny";
  recipe.encoder_steps = 2;
  recipe.steps = steps;
  recipe.bf16 = false;
  recipe.data.sizes_px = {{42, 56}};
  recipe.data.max_frames = 2;
  recipe.data.pictures = 1;
  recipe.data.group = 2;
  recipe.data.reuse = 2;
  recipe.data.textures = 15;
  recipe.optimiser.warmup_steps = 1;
  recipe.optimiser.decay_steps = 0;
  return recipe;
}

struct Run {
  std::shared_ptr<Vggt> model;
  std::unique_ptr<VggtObjective> objective;
  std::vector<StepReport> reports;
  std::vector<Checkpoint> checkpoints;
  std::unique_ptr<Trainer> trainer;
};

std::unique_ptr<Run> prepare(const Recipe& recipe) {
  auto run = std::make_unique<Run>();
  run->model = initial_model(ModelConfig::preset(recipe.model), recipe.seed);
  run->objective = std::make_unique<VggtObjective>(run->model, recipe);
  TrainerOptions options;
  options.report_every = 1;
  options.on_report = [&reports = run->reports](const StepReport& report) {
    reports.push_back(report);
  };
  options.on_checkpoint = [&all = run->checkpoints](const Checkpoint& checkpoint) {
    all.push_back(checkpoint);
  };
  run->trainer = std::make_unique<Trainer>(*run->objective, recipe, options);
  return run;
}

TEST(Trainer, ChangesEveryParameterThatTheLossDependsOn) {
  const Recipe recipe = small(3);
  const auto run = prepare(recipe);
  std::map<std::string, at::Tensor> before;
  for (const auto& [name, parameter] : run->objective->parameters()) {
    before[name] = parameter.detach().clone();
  }
  run->trainer->run();
  std::vector<std::string> same;
  for (const auto& [name, parameter] : run->objective->parameters()) {
    ASSERT_TRUE(parameter.isfinite().all().item<bool>()) << name;
    if (at::equal(parameter, before[name])) same.push_back(name);
  }
  // The mask token serves the encoder's own pre-training; no loss reads the track head.
  for (const std::string& name : same) {
    EXPECT_TRUE(name.ends_with("mask_token") || name.find("track_head") != std::string::npos)
        << name;
  }
  EXPECT_EQ(run->reports.size(), 5u);
  EXPECT_EQ(run->reports.back().step, 5);
}

TEST(Trainer, GoesOnAfterACheckpointAsIfItHadNotStopped) {
  const Recipe recipe = small(6);
  const auto whole = prepare(recipe);
  whole->trainer->run();

  const auto first = prepare(recipe);
  int64_t steps = 0;
  EXPECT_THROW(first->trainer->run([&](const Progress& progress) {
    steps = progress.done;
    return progress.done < 4;
  }),
               Cancelled);
  ASSERT_EQ(first->checkpoints.size(), 1u) << "cancelling leaves a checkpoint";
  TemporaryFolder folder;
  write_checkpoint(folder.file("c.safetensors"), first->checkpoints.back());

  const auto second = prepare(recipe);
  second->trainer->resume(read_checkpoint(folder.file("c.safetensors")));
  second->trainer->run();
  ASSERT_EQ(second->reports.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(second->reports[i].step, whole->reports[i + 4].step);
    // Sums over threads may come in another order.
    EXPECT_NEAR(
        second->reports[i].loss, whole->reports[i + 4].loss, 1e-4 * whole->reports[i + 4].loss);
  }
  EXPECT_EQ(second->trainer->checkpoint().updates, whole->trainer->checkpoint().updates);
}

TEST(Trainer, ACheckpointOfAnotherRecipeIsRefused) {
  const auto run = prepare(small(3));
  const Checkpoint checkpoint = run->trainer->checkpoint();
  Recipe recipe = small(3);
  recipe.seed += 1;
  EXPECT_THROW(prepare(recipe)->trainer->resume(checkpoint), ConfigError);
  Checkpoint damaged = checkpoint;
  damaged.tensors.erase(damaged.tensors.begin());
  EXPECT_THROW(run->trainer->resume(damaged), ConfigError);
}

// 112 to 336 px and 2 to 24 views; the encoder's positions are those of another grid each time.
TEST(Trainer, LearnsFromManyViewsAndFromLargePictures) {
  Recipe recipe = small(8);
  recipe.encoder_steps = 0;
  recipe.data.sizes_px = {{84, 112}, {252, 336}};
  recipe.data.max_frames = 24;
  recipe.data.pictures = 12;
  recipe.data.reuse = 1;
  recipe.data.textures = 15;
  const auto run = prepare(recipe);
  run->trainer->run();
  EXPECT_EQ(run->trainer->checkpoint().updates, 8) << "a step was left out";
  ASSERT_EQ(run->reports.size(), 8u);
  for (const StepReport& report : run->reports) EXPECT_TRUE(std::isfinite(report.loss));
}

TEST(Trainer, ATrackHeadLearnsFromTheTracksOfABatch) {
  Recipe recipe = small(2);
  recipe.encoder_steps = 0;
  recipe.data.tracks = 6;
  const auto run = prepare(recipe);
  std::map<std::string, at::Tensor> before;
  for (const auto& p : run->model->track_head->named_parameters()) {
    before[p.key()] = p.value().detach().clone();
  }
  run->trainer->run();
  int64_t moved = 0;
  for (const auto& p : run->model->track_head->named_parameters()) {
    moved += at::equal(before[p.key()], p.value().detach()) ? 0 : 1;
  }
  EXPECT_GT(moved, static_cast<int64_t>(before.size()) / 2);
  const auto& parts = run->reports.front().parts;
  EXPECT_TRUE(std::any_of(
      parts.begin(), parts.end(), [](const auto& part) { return part.first == "track"; }));
}

TEST(Trainer, BeginsWithTheWeightsOfAFile) {
  const TemporaryFolder folder;
  RunFolder written(folder.path() + "/run", false);
  const auto run = prepare(small(3));
  run->trainer->run();
  written.begin(small(3), 0);
  written.write(run->trainer->checkpoint(), run->model->config);
  const auto model = model_to_refine(written.file("model.safetensors"), run->model->config);
  for (const auto& p : model->named_parameters()) {
    EXPECT_TRUE(p.value().requires_grad()) << p.key();
    const at::Tensor& average = run->trainer->average().at("model." + p.key());
    EXPECT_TRUE(at::equal(p.value(), average.to(at::kBFloat16).to(at::kFloat))) << p.key();
  }
}

// A run goes on whatever file it began with, and remembers it.
TEST(Trainer, RemembersTheWeightsThatItBeganWith) {
  Recipe recipe = small(3);
  recipe.weights = "begin.safetensors";
  const auto run = prepare(recipe);
  const auto on = prepare(small(3));
  on->trainer->resume(run->trainer->checkpoint());
  EXPECT_EQ(on->trainer->recipe().weights, "begin.safetensors");
}

TEST(Trainer, ARunMayEndLaterThanItWasSaid) {
  const auto run = prepare(small(3));
  run->trainer->run();
  Recipe longer = small(5);
  longer.optimiser.decay_steps = 1;
  const auto on = prepare(longer);
  on->trainer->resume(run->trainer->checkpoint());
  on->trainer->run();
  EXPECT_EQ(on->trainer->checkpoint().step, longer.all_steps());
}

// Nothing but a number that is learned, with losses as told.
class Scripted : public Objective {
 public:
  explicit Scripted(std::vector<double> factors) : factors_(std::move(factors)) {
    number_.requires_grad_(true);
  }
  StepLosses losses(const Batch&, int64_t step) override {
    return {(number_ - 3).square().sum() * factors_[static_cast<size_t>(step) % factors_.size()],
            {}};
  }
  std::vector<std::pair<std::string, at::Tensor>> parameters() const override {
    return {{"number", number_}};
  }
  double number() const { return number_.item<double>(); }

 private:
  std::vector<double> factors_;
  at::Tensor number_ = at::zeros({1});
};

TEST(Trainer, AStepWithoutAFiniteLossIsLeftOutAndSaid) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  Recipe recipe = small(30);
  recipe.encoder_steps = 0;
  recipe.optimiser.learning_rate = 0.1;
  Scripted objective({1, kNan, 1, std::numeric_limits<double>::infinity()});
  std::vector<std::string> skipped;
  Trainer trainer(
      objective, recipe, {.on_skip = [&](const std::string& why) { skipped.push_back(why); }});
  trainer.run();
  EXPECT_EQ(skipped.size(), 15u);
  EXPECT_EQ(trainer.checkpoint().updates, 15);
  EXPECT_GT(objective.number(), 0.5);
  EXPECT_TRUE(std::isfinite(objective.number()));

  Scripted lost({kNan});
  Trainer hopeless(lost, recipe, {});
  EXPECT_THROW(hopeless.run(), ModelError);
  EXPECT_EQ(lost.number(), 0);
}

// A loss of 0 whose gradient is none: it is found before it spoils the weights.
class SteepAtTwo : public Scripted {
 public:
  SteepAtTwo() : Scripted({1}) {}
  StepLosses losses(const Batch& batch, int64_t step) override {
    StepLosses result = Scripted::losses(batch, step);
    if (step == 2) result.total = (result.total * 0).sqrt();
    return result;
  }
};

TEST(Trainer, AStepWithoutAFiniteGradientIsLeftOutAndSaid) {
  Recipe recipe = small(5);
  recipe.encoder_steps = 0;
  SteepAtTwo objective;
  std::vector<std::string> skipped;
  Trainer trainer(
      objective, recipe, {.on_skip = [&](const std::string& why) { skipped.push_back(why); }});
  trainer.run();
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_THAT(skipped[0], testing::HasSubstr("gradient"));
  EXPECT_EQ(trainer.checkpoint().updates, 4);
  EXPECT_TRUE(std::isfinite(objective.number()));
}

// Both parts warm up; the end decays as half a cosine.
TEST(Trainer, TheLearningRateWarmsUpTwiceAndDecays) {
  Recipe recipe = small(10);
  recipe.encoder_steps = 6;
  recipe.optimiser.learning_rate = 0.08;
  recipe.optimiser.warmup_steps = 3;
  recipe.optimiser.decay_steps = 3;
  Scripted objective({1});
  std::vector<double> rates;
  Trainer trainer(
      objective, recipe, {.report_every = 1, .on_report = [&](const StepReport& report) {
                            rates.push_back(report.learning_rate);
                          }});
  trainer.run();
  const auto cosine = [](double left) { return 0.08 * (0.5 - 0.5 * std::cos(M_PI * left)); };
  const std::vector<double> expected = {0.02,
                                        0.04,
                                        0.06,
                                        0.08,
                                        0.08,
                                        0.08,  //
                                        0.02,
                                        0.04,
                                        0.06,
                                        0.08,
                                        0.08,
                                        0.08,
                                        0.08,
                                        cosine(0.75),
                                        cosine(0.5),
                                        cosine(0.25)};
  ASSERT_EQ(rates.size(), expected.size());
  for (size_t i = 0; i < rates.size(); ++i) EXPECT_NEAR(rates[i], expected[i], 1e-12) << i;
}

TEST(Trainer, TheAverageLagsBehindAndCanBeTriedOut) {
  Recipe recipe = small(40);
  recipe.encoder_steps = 0;
  recipe.optimiser.learning_rate = 0.05;
  Scripted objective({1});
  Trainer trainer(objective, recipe, {});
  trainer.run();
  const double learned = objective.number();
  {
    const Trainer::WithAverage average(trainer);
    EXPECT_LT(objective.number(), learned);
    EXPECT_GT(objective.number(), 0);
    EXPECT_EQ(objective.number(), trainer.average().at("number").item<double>());
  }
  EXPECT_EQ(objective.number(), learned);
}

TEST(RunFolder, HasOneWriterAtATime) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/run";
  const Recipe recipe = small(2);
  std::optional<RunFolder> first(std::in_place, path, false);
  first->begin(recipe, 0);
  RunFolder second(path, true);  // what began and has no checkpoint yet begins anew
  EXPECT_THROW(second.begin(recipe, 0), ConfigError);
  first.reset();
  EXPECT_NO_THROW(second.begin(recipe, 0));
}

TEST(RunFolder, HoldsAModelThatOthersLoadAndForgetsWhatComesAgain) {
  TemporaryFolder folder;
  const Recipe recipe = small(2);
  const auto run = prepare(recipe);
  run->trainer->run();
  const std::string path = folder.file("run");
  {
    RunFolder written(path, false);
    written.begin(recipe, 0);
    for (const StepReport& report : run->reports) written.log(report);
    written.log(4, "skipped", "its loss is not finite");
    written.write(run->checkpoints.back(), run->model->config);
  }

  const WeightFile file = open_weight_file(path + "/model.safetensors");
  EXPECT_TRUE(compare(file, run->model->config).empty());
  EXPECT_THROW(RunFolder(path, false), ConfigError);
  EXPECT_THROW(RunFolder(folder.file("none"), true), ConfigError);
  RunFolder again(path, true);
  EXPECT_EQ(again.read().step, 4);
  ASSERT_EQ(again.reports().size(), 4u);
  EXPECT_EQ(again.reports()[1].parts, run->reports[1].parts);
  again.begin(recipe, 3);
  EXPECT_EQ(again.reports().size(), 3u);
  // JSON has no NaN: it is written as null, and comes back.
  StepReport odd{.step = 5, .loss = std::nan("")};
  odd.parts.emplace_back("camera", std::nan(""));
  again.log(odd);
  ASSERT_EQ(again.reports().size(), 4u);
  EXPECT_TRUE(std::isnan(again.reports()[3].loss));
  EXPECT_TRUE(std::isnan(again.reports()[3].parts.at(0).second));
}

TEST(Trainer, TheAverageForgetsTheStartFirst) {
  Recipe recipe = small(12);
  recipe.encoder_steps = 0;
  recipe.optimiser.learning_rate = 0.05;
  recipe.optimiser.ema_decay = 0.5;
  Scripted objective({1});
  double average = 0;
  int64_t updates = 0;
  Trainer trainer(objective, recipe, {.report_every = 1, .on_report = [&](const StepReport&) {
                                        ++updates;
                                        const auto n = static_cast<double>(updates);
                                        const double decay = std::min(0.5, (n + 1) / (n + 10));
                                        average =
                                            decay * average + (1 - decay) * objective.number();
                                      }});
  trainer.run();
  EXPECT_EQ(updates, 12);
  EXPECT_NEAR(trainer.average().at("number").item<double>(), average, 1e-6);
}

// Gradients of nothing, a matrix and a vector.
class Idle : public Objective {
 public:
  StepLosses losses(const Batch&, int64_t) override {
    return {(matrix_.sum() + vector_.sum()) * 0, {}};
  }
  std::vector<std::pair<std::string, at::Tensor>> parameters() const override {
    return {{"matrix", matrix_}, {"vector", vector_}};
  }
  at::Tensor matrix_ = at::ones({2, 2}).requires_grad_(true);
  at::Tensor vector_ = at::ones({2}).requires_grad_(true);
};

TEST(Trainer, MatricesAlonePullTowardsZero) {
  Recipe recipe = small(2);
  recipe.encoder_steps = 0;
  recipe.optimiser.warmup_steps = 0;
  recipe.optimiser.learning_rate = 0.1;
  recipe.optimiser.weight_decay = 0.5;
  Idle objective;
  Trainer trainer(objective, recipe, {});
  trainer.run();
  EXPECT_NEAR(objective.matrix_[0][1].item<double>(), 0.95 * 0.95, 1e-6);
  EXPECT_EQ(objective.vector_[0].item<double>(), 1);
}

TEST(Trainer, GradientsAreClippedBeforeTheyCount) {
  Recipe recipe = small(1);
  recipe.encoder_steps = 0;
  recipe.optimiser.clip_norm = 2;
  Scripted objective({1});
  double norm = 0;
  Trainer trainer(
      objective, recipe, {.report_every = 1, .on_report = [&](const StepReport& report) {
                            norm = report.gradient_norm;
                          }});
  trainer.run();
  EXPECT_NEAR(norm, 6, 1e-5);  // of (x - 3)^2 at 0
  // The first moment: a tenth of the gradient of norm 2.
  EXPECT_NEAR(trainer.checkpoint().tensors.at("first/number").item<double>(), -0.2, 1e-5);
}

}  // namespace
}  // namespace vggt::train
