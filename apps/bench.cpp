// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/help.h"
#include "apps/interrupt.h"
#include "apps/model_options.h"
#include "apps/output_file.h"
#include "apps/program.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/synthetic.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

struct BenchCommand {
  ModelOptions model;
  std::vector<int64_t> frames = {2, 4, 8};
  std::string size;  ///< WxH; empty: the model's longest side, 4:3
  int64_t repeat = 1;
  bool warm_up = true;
  std::string json;
};

struct ImageSize {
  int64_t width;
  int64_t height;
};

ImageSize image_size(const std::string& text, const ModelConfig& config) {
  if (text.empty()) {
    const int64_t patches = (config.img_size / config.patch_size * 3 + 2) / 4;
    return {config.img_size, std::max<int64_t>(patches, 1) * config.patch_size};
  }
  long long width = 0;
  long long height = 0;
  int used = 0;
  if (std::sscanf(text.c_str(), "%lldx%lld%n", &width, &height, &used) != 2 ||
      used != static_cast<int>(text.size()) || width <= 0 || height <= 0 ||
      width % config.patch_size != 0 || height % config.patch_size != 0) {
    throw ConfigError(
        "size",
        "'" + text + "' must be WIDTHxHEIGHT, multiples of " + std::to_string(config.patch_size));
  }
  return {width, height};
}

// Multiplications and additions of one transformer block over `groups` sequences of `tokens`.
double block_flop(int64_t groups, int64_t tokens, int64_t channels, double mlp_ratio) {
  const auto n = static_cast<double>(tokens);
  const auto c = static_cast<double>(channels);
  return static_cast<double>(groups) * ((8 + 4 * mlp_ratio) * n * c * c + 4 * n * n * c);
}

struct Work {
  int64_t tokens;  ///< of the longest attention
  double encoder_flop;
  double aggregator_flop;
};

Work work_of(const ModelConfig& config, int64_t frames, ImageSize size) {
  const int64_t tokens =
      size.width / config.patch_size * (size.height / config.patch_size) + config.special_tokens();
  const auto encoder_blocks = static_cast<double>(config.patch_embed.depth);
  const auto pairs = static_cast<double>(config.aggregator.depth);
  const double ratio = config.aggregator.mlp_ratio;
  return {
      frames * tokens,
      encoder_blocks * block_flop(frames, tokens, config.embed_dim, config.patch_embed.mlp_ratio),
      pairs * (block_flop(frames, tokens, config.embed_dim, ratio) +
               block_flop(1, frames * tokens, config.embed_dim, ratio))};
}

Json statistics(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {{"median", values[values.size() / 2]},
          {"min", values.front()},
          {"p90", values[(values.size() - 1) * 9 / 10]}};
}

StageProgress::Seconds run_once(const LoadedModel& loaded,
                                const at::Tensor& images,
                                const ProgressCallback& progress) {
  StageProgress::Seconds seconds;
  ForwardOptions options{.progress = progress, .seconds = &seconds};
  loaded.model->forward(images, options);
  return seconds;
}

Json measure(const LoadedModel& loaded,
             int64_t frames,
             const BenchCommand& command,
             ImageSize size,
             const ProgressCallback& progress) {
  const at::Tensor images =
      synthetic_images(frames, size.height, size.width, 0)
          .to(loaded.device, loaded.model->aggregator->camera_token.scalar_type());
  reset_peak_memory();
  std::vector<std::pair<std::string, std::vector<double>>> by_stage;
  for (int64_t i = 0; i < command.repeat; ++i) {
    const auto seconds = run_once(loaded, images, progress);
    double total = 0;
    by_stage.resize(seconds.size() + 1);
    for (size_t k = 0; k < seconds.size(); ++k) {
      by_stage[k].first = seconds[k].first;
      by_stage[k].second.push_back(seconds[k].second);
      total += seconds[k].second;
    }
    by_stage.back().first = "total";
    by_stage.back().second.push_back(total);
  }
  const Work work = work_of(loaded.model->config, frames, size);
  Json result = {{"frames", frames}, {"tokens", work.tokens}, {"runs", command.repeat}};
  for (const auto& [stage, values] : by_stage) {
    Json entry = {{"seconds", statistics(values)}};
    const double flop = stage == "encoder"      ? work.encoder_flop
                        : stage == "aggregator" ? work.aggregator_flop
                                                : 0;
    if (flop > 0) {
      entry["gflop"] = flop * 1e-9;
      entry["gflop_per_s"] = flop * 1e-9 / entry["seconds"]["median"].get<double>();
    }
    result["stages"][stage] = entry;
  }
  result["peak_memory_bytes"] = peak_memory_bytes();
  return result;
}

void print(const Json& result) {
  std::printf("%lld frames, %lld tokens, peak memory %.2f GB\n",
              result["frames"].get<long long>(),
              result["tokens"].get<long long>(),
              result["peak_memory_bytes"].get<double>() * 1e-9);
  for (const auto& [stage, entry] : result["stages"].items()) {
    std::printf("  %-14s %9.3f s", stage.c_str(), entry["seconds"]["median"].get<double>());
    if (entry.contains("gflop_per_s"))
      std::printf("  %9.1f GFLOP/s", entry["gflop_per_s"].get<double>());
    std::printf("\n");
  }
  std::fflush(stdout);
}

void run(const BenchCommand& command) {
  const ProgressCallback progress = interruptible_progress();
  ModelOptions options = command.model;
  if (options.weights.empty()) options.weights = "synthetic:0";
  if (options.weights.rfind("synthetic:", 0) == 0 && options.config.empty() &&
      options.model.empty()) {
    options.model = "vggt-1b";
  }
  if (!command.json.empty()) {
    check_writable(command.json);
    std::error_code missing;
    if (std::filesystem::exists(command.json, missing) && !command.json.ends_with(".json")) {
      throw ConfigError("json", command.json + " exists and is no .json file; name another file");
    }
  }
  reset_peak_memory();
  const LoadedModel loaded = load(options, progress);
  const ImageSize size = image_size(command.size, loaded.model->config);

  Json report = {{"command", command_line()}};
  report.update(loaded.describe());
  report["model"] = options.model.empty() ? "from the weights or --config" : options.model;
  report["heads"] = options.heads.empty() ? std::vector<std::string>{"all"} : options.heads;
  report["warm_up"] = command.warm_up;
  report["image"] = {{"width", size.width}, {"height", size.height}};
  report["load"] = {{"seconds", loaded.seconds}, {"peak_memory_bytes", peak_memory_bytes()}};
  const c10::InferenceMode inference;
  if (command.warm_up && !command.frames.empty()) {
    run_once(loaded,
             synthetic_images(command.frames.front(), size.height, size.width, 0)
                 .to(loaded.device, loaded.model->aggregator->camera_token.scalar_type()),
             progress);
  }
  for (const int64_t frames : command.frames) {
    report["results"].push_back(measure(loaded, frames, command, size, progress));
    print(report["results"].back());
  }
  if (!command.json.empty()) {
    write_text_file(command.json,
                    report.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
}

}  // namespace

void add_bench(CLI::App& app) {
  const auto command = std::make_shared<BenchCommand>();
  CLI::App* sub = app.add_subcommand("bench", "Time the stages of the network on synthetic images");
  sub->add_option("--frames", command->frames, "Numbers of frames, one measurement each")
      ->type_name("N")
      ->delimiter(',')
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  sub->add_option(
         "--size",
         command->size,
         "Size of the frames in px, multiples of the model's patch; without it the model's "
         "longest side, 4:3")
      ->type_name("WIDTHxHEIGHT");
  sub->add_option("--repeat", command->repeat, "Runs per measurement; the median is shown")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  sub->add_flag("!--no-warm-up", command->warm_up, "Measure the first run, too");
  sub->add_option("--json",
                  command->json,
                  "File for the report: seconds, GFLOP/s and bytes, with command and commit")
      ->type_name("FILE");
  add_model_options(*sub, command->model);
  sub->get_option("--weights")
      ->description("Checkpoint, or synthetic:SEED; without it synthetic:0");
  sub->get_option("--model")->description(
      "Preset for synthetic weights; without it and --config vggt-1b");
  sub->footer(
      examples({{"VGGT-1B on synthetic weights and 2, 4 and 8 frames", "vggt bench"},
                {"A quick one, with a report",
                 "vggt bench --model mini --frames 8 --repeat 5 --json bench.json"},
                {"Encoder, aggregator and camera head alone, in bf16, frames of 518 x 294 px",
                 "vggt bench --heads camera --precision bf16 --size 518x294 --frames 4"}}));
  sub->callback([command] { run(*command); });
}

}  // namespace vggt::apps
