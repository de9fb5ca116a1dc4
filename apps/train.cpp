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
#include "apps/model_options.h"
#include "src/accel/come_predictor.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/base/heap.h"
#include "src/train/come_objective.h"
#include "src/train/initial_weights.h"
#include "src/train/run_folder.h"
#include "src/train/trainer.h"
#include "src/weights/infer_config.h"
#include "src/weights/load.h"
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
  std::string distil;   ///< the method whose part is trained; empty: a model
  std::string teacher;  ///< empty: the bundled model
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

train::Recipe recipe_of(const TrainCommand& command) {
  train::Recipe recipe = train::Recipe::read(command.recipe);
  if (!command.weights.empty()) recipe.weights = command.weights;
  return recipe;
}

// A run in its folder, but for what is learned.
class Run {
 public:
  explicit Run(const TrainCommand& command)
      : recipe(recipe_of(command)),
        device(select_device(command.device)),
        folder(command.output, command.resume),
        command_(command) {}

  /// `write`: what else a checkpoint gives, of its averaged weights.
  using Write = std::function<void(const train::Checkpoint&, train::Trainer&)>;
  void learn(train::Objective& objective,
             const ProgressCallback& progress,
             const Write& write,
             const std::string& result) {
    int64_t step = 0;
    train::TrainerOptions options;
    options.photos = photos_of(recipe, progress);
    std::unique_ptr<train::Trainer> trainer;
    options.checkpoint_minutes = command_.checkpoint_minutes;
    options.stop_after_minutes = command_.minutes;
    options.on_report = [&](const train::StepReport& report) {
      step = report.step;
      folder.log(report);
    };
    options.on_skip = [&](const std::string& why) {
      folder.log(step, "skipped", why);
      say("warning: a step after number " + std::to_string(step) + " was left out: " + why);
    };
    options.on_checkpoint = [&](const train::Checkpoint& checkpoint) {
      write(checkpoint, *trainer);
#ifdef VGGT_WITH_IMAGE
      write_curves(folder);
#endif
    };
    trainer = std::make_unique<train::Trainer>(objective, recipe, std::move(options));
    if (goes_on()) {
      const train::Checkpoint checkpoint = folder.read();
      trainer->resume(checkpoint);
      step = checkpoint.step;
      say("going on after " + std::to_string(step) + " steps");
    }
    folder.begin(trainer->recipe(), step);
    trainer->run(progress);
    const std::vector<train::StepReport> reports = folder.reports();
    std::string summary = "trained: ";
    if (!reports.empty()) {
      char text[80];
      std::snprintf(text,
                    sizeof(text),
                    "%lld steps, %.0f s, loss %.3f: ",
                    static_cast<long long>(reports.back().step),
                    reports.back().seconds,
                    reports.back().loss);
      summary = text;
    }
    say(summary + folder.file(result));
  }

  /// Whether there is a checkpoint to go on from, with weights of its own.
  bool goes_on() const { return command_.resume && folder.has_checkpoint(); }

  const train::Recipe recipe;
  const c10::Device device;
  train::RunFolder folder;

 private:
  const TrainCommand& command_;
};

void train_model(const TrainCommand& command, const ProgressCallback& progress) {
  Run run(command);
  const train::Recipe& recipe = run.recipe;
  const ModelConfig config = ModelConfig::preset(recipe.model);
  const std::shared_ptr<Vggt> model = recipe.weights.empty() || run.goes_on()
                                          ? train::initial_model(config, recipe.seed)
                                          : train::model_to_refine(recipe.weights, config);
  model->to(run.device);
  train::VggtObjective objective(model, recipe);
  std::optional<train::Validation> validation;
  if (recipe.validation.scenes > 0) validation.emplace(recipe);
  const auto write = [&](const train::Checkpoint& checkpoint, train::Trainer& trainer) {
    run.folder.write(checkpoint, config);
    // Before that the heads are as they were drawn.
    if (!validation || checkpoint.step <= recipe.encoder_steps) return;
    const train::Trainer::WithAverage averaged(trainer);
    run.folder.log(checkpoint.step, validation->score(*model));
  };
  run.learn(objective, progress, write, "model.safetensors");
}

void distil_come(const TrainCommand& command, const ProgressCallback& progress) {
  Run run(command);
  const std::string weights = command.teacher.empty() ? weights_of({}) : command.teacher;
  const WeightFile file = open_weight_file(weights);
  const std::shared_ptr<Vggt> teacher =
      load_model(file, infer_config(file).config, {.device = run.device, .progress = progress});
  train::ComeObjective objective(teacher, run.recipe);
  const auto write = [&](const train::Checkpoint& checkpoint, train::Trainer&) {
    run.folder.write(checkpoint);
    accel::write_predictor(run.folder.file("predictor.safetensors"),
                           objective.averaged(checkpoint));
  };
  run.learn(objective, progress, write, "predictor.safetensors");
}

void run(const TrainCommand& command) {
  keep_freed_memory();
  const ProgressCallback progress = interruptible_progress();
  if (command.distil.empty()) {
    if (!command.teacher.empty()) throw ConfigError("teacher", "is for --distil");
    train_model(command, progress);
  } else {
    if (!command.weights.empty()) {
      throw ConfigError("weights", "are for a model; --distil begins anew, from --teacher");
    }
    distil_come(command, progress);
  }
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
  sub->add_option("--distil",
                  command->distil,
                  "Train what a merging method needs of a model, which stays as it is: come, the "
                  "predictor of Co-Me")
      ->check(CLI::IsMember({"come"}))
      ->type_name("METHOD");
  sub->add_option(
         "--teacher", command->teacher, "Checkpoint of that model; without it the bundled one")
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
       {"What --accel come needs, of a model of your own",
        "vggt train models/recipes/come.json --distil come --teacher model.safetensors -o come/"},
       {"What it can do so far",
        "vggt reconstruct photos/ -o out/ --weights run/model.safetensors"}}));
  sub->callback([command] { run(*command); });
}

}  // namespace vggt::apps
