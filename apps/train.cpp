// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "apps/commands.h"
#include "apps/help.h"
#include "apps/interrupt.h"
#include "apps/messages.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/base/heap.h"
#include "src/train/initial_weights.h"
#include "src/train/run_folder.h"
#include "src/train/trainer.h"
#ifdef VGGT_WITH_IMAGE
#include "apps/texture_photos.h"
#include "src/image/chart.h"
#endif

namespace vggt::apps {
namespace {

struct TrainCommand {
  std::string recipe;
  std::string output;
  std::string weights;
  bool resume = false;
  double minutes = 0;
  double checkpoint_minutes = 5;
  std::string device = "auto";
};

#ifdef VGGT_WITH_IMAGE
// One panel per quantity.
void write_curves(const train::RunFolder& folder) {
  Chart chart = {.title = "Training", .columns = 3};
  for (const train::Curve& curve : folder.curves()) {
    ChartSeries series;
    for (const auto& [step, value] : curve.points) {
      series.points.push_back({static_cast<double>(step), value});
    }
    chart.panels.push_back({.title = curve.name, .x_label = "steps", .series = {series}});
  }
  if (chart.panels.empty()) return;
  write_chart(folder.file("curves.png"), chart);
}
#endif

std::vector<at::Tensor> photos_of(const train::Recipe& recipe, const ProgressCallback& progress) {
  const std::string& folder = recipe.data.photos;
  if (folder.empty()) return {};
#ifdef VGGT_WITH_IMAGE
  if (!std::filesystem::exists(folder)) {
    throw ConfigError("data.photos",
                      folder +
                          " is not there; scripts/texture_photos fetches the photos of the "
                          "bundled recipe, or leave the field out");
  }
  return texture_photos(folder, progress);
#else
  throw ConfigError("data.photos",
                    "names " + folder +
                        ", but this program was built without image files: "
                        "rebuild with VGGT_IMAGE=ON, or leave the field out");
#endif
}

void run(const TrainCommand& command) {
  keep_freed_memory();
  const ProgressCallback progress = interruptible_progress();
  train::Recipe recipe = train::Recipe::read(command.recipe);
  if (!command.weights.empty()) recipe.weights = command.weights;
  const c10::Device device = select_device(command.device);
  train::RunFolder folder(command.output, command.resume);

  const ModelConfig config = ModelConfig::preset(recipe.model);
  // A checkpoint's weights come later.
  const bool goes_on = command.resume && folder.has_checkpoint();
  const std::shared_ptr<Vggt> model = recipe.weights.empty() || goes_on
                                          ? train::initial_model(config, recipe.seed)
                                          : train::model_to_refine(recipe.weights, config);
  model->to(device);
  train::VggtObjective objective(model, recipe);
  int64_t step = 0;
  train::TrainerOptions options;
  options.photos = photos_of(recipe, progress);
  std::optional<train::Validation> validation;
  std::unique_ptr<train::Trainer> trainer;
  options.checkpoint_minutes = command.checkpoint_minutes;
  options.stop_after_minutes = command.minutes;
  options.on_report = [&](const train::StepReport& report) {
    step = report.step;
    folder.log(report);
  };
  options.on_skip = [&](const std::string& why) {
    folder.log(step, "skipped", why);
    say("warning: a step after number " + std::to_string(step) + " was left out: " + why);
  };
  options.on_checkpoint = [&](const train::Checkpoint& checkpoint) {
    folder.write(checkpoint, config);
    // Before that the heads are as they were drawn.
    if (recipe.validation.scenes > 0 && checkpoint.step > recipe.encoder_steps) {
      const train::Trainer::WithAverage averaged(*trainer);
      folder.log(checkpoint.step, validation->score(*model));
    }
#ifdef VGGT_WITH_IMAGE
    write_curves(folder);
#endif
  };
  trainer = std::make_unique<train::Trainer>(objective, recipe, std::move(options));
  if (goes_on) {
    const train::Checkpoint checkpoint = folder.read();
    trainer->resume(checkpoint);
    step = checkpoint.step;
    say("going on after " + std::to_string(step) + " steps");
  }
  validation.emplace(recipe);
  folder.begin(trainer->recipe(), step);
  trainer->run(progress);
  const std::vector<train::StepReport> reports = folder.reports();
  std::string summary = "trained: " + folder.file("model.safetensors");
  if (!reports.empty()) {
    char text[80];
    std::snprintf(text,
                  sizeof(text),
                  "%lld steps, %.0f s, loss %.3f: ",
                  static_cast<long long>(reports.back().step),
                  reports.back().seconds,
                  reports.back().loss);
    summary = text + folder.file("model.safetensors");
  }
  say(summary);
}

}  // namespace

void add_train(CLI::App& app) {
  const auto command = std::make_shared<TrainCommand>();
  CLI::App* sub =
      app.add_subcommand("train", "Train a model on synthetic scenes that are made on the way");
  sub->add_option("recipe", command->recipe, "JSON file that says what is trained, and how")
      ->required()
      ->type_name("FILE");
  sub->add_option("-o,--output", command->output, "Folder of the run: log, checkpoint, model")
      ->required()
      ->type_name("FOLDER");
  CLI::Option* weights =
      sub->add_option("--weights",
                      command->weights,
                      "Begin with the weights of this file, whatever the recipe says")
          ->type_name("FILE");
  sub->add_flag("--resume", command->resume, "Go on with the run in that folder")
      ->excludes(weights);
  sub->add_option("--minutes",
                  command->minutes,
                  "Stop after this time, with a checkpoint; 0: when the recipe's steps are done")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  sub->add_option("--checkpoint-minutes", command->checkpoint_minutes, "Time between checkpoints")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  sub->add_option("--device", command->device, "auto, cpu or cuda[:N]")->capture_default_str();
  sub->footer(examples(
      {{"A new run, for an hour", "vggt train models/recipes/mini.json -o run/ --minutes 60"},
       {"On with it", "vggt train models/recipes/mini.json -o run/ --resume"},
       {"What it can do so far",
        "vggt reconstruct photos/ -o out/ --weights run/model.safetensors"}}));
  sub->callback([command] { run(*command); });
}

}  // namespace vggt::apps
