// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/accel_options.h"
#include "apps/bench_accel.h"
#ifdef VGGT_WITH_BA
#include "apps/bench_ba.h"
#endif
#include "apps/bench_run.h"
#include "apps/bench_scaling.h"
#include "apps/commands.h"
#include "apps/estimate.h"
#include "apps/help.h"
#include "apps/interrupt.h"
#include "apps/messages.h"
#include "apps/model_options.h"
#include "apps/output_file.h"
#include "apps/program.h"
#include "src/base/device.h"
#include "src/base/error.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

struct BenchCommand {
  ModelOptions model;
  std::vector<std::string> stages;  ///< empty: all of the loaded heads
  std::vector<int64_t> frames = {2, 4, 8};
  std::vector<int64_t> scaling;  ///< instead of `frames`
  std::string path = "fast";
  std::string size;  ///< WxH; empty: the model's longest side, 4:3
  int64_t repeat = 3;
  bool warm_up = true;
  std::string json;
  std::string compare;
  std::string chart;
  std::string what = "network";
  AccelPlan accel;    ///< of bench accel; its settings are of --accel-options
  std::string table;  ///< of --accel auto
#ifdef VGGT_WITH_BA
  BenchBaOptions ba;
#endif
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

ModelOptions model_options(const BenchCommand& command) {
  ModelOptions options = command.model;
  if (options.weights.empty()) options.weights = "synthetic:0";
  if (options.weights.rfind("synthetic:", 0) == 0 && options.config.empty() &&
      options.model.empty()) {
    options.model = "vggt-1b";
  }
  if (command.what == "accel") {
    options.accel = {};  // its settings are those of the variants
    return options;
  }
  if (options.heads.empty()) {
    options.heads = heads_of_stages(command.stages.empty() ? std::vector<std::string>{"reconstruct"}
                                                           : command.stages);
  }
  return options;
}

AccelPlan accel_plan(const BenchCommand& command) {
  AccelPlan plan = command.accel;
  plan.settings = command.model.accel.settings;
  return plan;
}

void check_accel(const BenchCommand& command) {
  if (command.accel.methods.empty()) throw ConfigError("methods", "bench accel needs --methods");
  if (!command.stages.empty() || !command.compare.empty() || !command.scaling.empty()) {
    throw ConfigError("accel", "bench accel takes no --stages, --compare or --scaling");
  }
  accel_variants(accel_plan(command), model_options(command).weights);
  if (!command.table.empty()) check_writable(command.table);
}

// What is wrong with the options is said before a model is loaded.
void check(const BenchCommand& command) {
  const std::vector<std::string>& known = bench_stages();
  for (const std::string& stage : command.stages) {
    if (std::find(known.begin(), known.end(), stage) != known.end()) continue;
    std::string names;
    for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
    throw ConfigError("stages", "'" + stage + "' is none of " + names);
  }
  if (command.what == "accel") {
    check_accel(command);
  } else if (!command.accel.methods.empty() || !command.accel.ratios.empty() ||
             command.accel.both_biases || command.accel.scenes > 0 || !command.table.empty()) {
    throw ConfigError(
        "methods",
        "--methods, --ratios, --both-biases, --scenes and --table are for vggt bench accel");
  }
  const std::set<int64_t> different(command.scaling.begin(), command.scaling.end());
  if (!command.scaling.empty() && different.size() < 3) {
    throw ConfigError("scaling", "a curve needs three different numbers of frames or more");
  }
  if (!command.chart.empty()) {
    if (command.scaling.empty() && command.what != "accel") {
      throw ConfigError("chart", "shows the curves of --scaling, or of bench accel");
    }
    if (!command.chart.ends_with(".png")) {
      throw ConfigError("chart", command.chart + " must end in .png");
    }
    check_writable(command.chart);
  }
  if (command.json.empty()) return;
  check_writable(command.json);
  check_is_no_input(command.json, {command.compare});
  std::error_code missing;
  if (std::filesystem::exists(command.json, missing) && !command.json.ends_with(".json")) {
    throw ConfigError("json", command.json + " exists and is no .json file; name another file");
  }
}

std::vector<kernels::Path> paths_of(const std::string& name) {
  if (name == "plain") return {kernels::Path::kPlain};
  if (name == "fast") return {kernels::Path::kFast};
  return {kernels::Path::kFast, kernels::Path::kPlain};
}

// Ascending; of a curve without those that would not fit into memory.
std::vector<int64_t> numbers_of_frames(const BenchCommand& command,
                                       const LoadedModel& loaded,
                                       ImageSize size) {
  if (command.scaling.empty()) return command.frames;
  const std::set<int64_t> sorted(command.scaling.begin(), command.scaling.end());
  std::vector<int64_t> fitting;
  for (const int64_t frames : sorted) {
    const int64_t available = available_memory(loaded.device);
    const int64_t needed = plan_memory(loaded, frames, size.height, size.width, available).total();
    if (needed <= available) {
      fitting.push_back(frames);
      continue;
    }
    say("note: " + std::to_string(frames) + " frames are left out: they would need about " +
        short_number(static_cast<double>(needed) * 1e-9) + " GB, " +
        short_number(static_cast<double>(available) * 1e-9) + " GB are free");
  }
  return fitting;
}

std::string describe(const MachinePeaks& peaks) {
  const auto giga = [](const Peak& peak) { return short_number(peak.per_second * 1e-9); };
  std::string text = "Peaks: ";
  if (peaks.half.per_second > 0) {
    text += giga(peaks.half) + " GFLOP/s in bf16 (" + peaks.half.by + "), ";
  }
  return text + giga(peaks.single) + " GFLOP/s in fp32 (" + peaks.single.by + "), memory " +
         giga(peaks.memory) + " GB/s (" + peaks.memory.by + ")\n";
}

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

void write_report(const std::string& file, const Json& report) {
  write_text_file(file, report.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

#ifdef VGGT_WITH_BA
void run_ba(const BenchCommand& command, const ProgressCallback& progress) {
  const BenchBaResult result = bench_ba(command.ba, progress);
  print(result.table);
  Json report = {{"command", command_line()}, {"commit", commit()}};
  report["machine"] = {{"device", describe_device(at::kCPU)}, {"threads", at::get_num_threads()}};
  report.update(result.report);
  if (!command.json.empty()) write_report(command.json, report);
}
#endif

void run(const BenchCommand& command) {
  const ProgressCallback progress = interruptible_progress();
  check(command);
#ifdef VGGT_WITH_BA
  if (command.what == "ba") return run_ba(command, progress);
  if (!command.ba.scenes.empty()) throw ConfigError("scene", "--scene is for vggt bench ba");
#endif
  BenchReport base;
  if (!command.compare.empty()) base = read_bench_report(command.compare);
  const ModelOptions options = model_options(command);
  MachinePeaks peaks = measure_peaks(select_device(options.device));
  reset_peak_memory();
  const LoadedModel loaded = load(options, progress);
  const ImageSize size = image_size(command.size, loaded.model->config);
  BenchPlan plan;
  plan.stages = command.stages.empty() ? stages_of_model(loaded.model->config) : command.stages;
  plan.paths = paths_of(command.path);
  plan.repeat = command.repeat;
  plan.warm_up = command.warm_up;
  plan.height_px = size.height;
  plan.width_px = size.width;

  Json report = {{"command", command_line()}, {"commit", commit()}};
  report["machine"] = {{"device", describe_device(loaded.device)},
                       {"threads", at::get_num_threads()}};
  report.update(loaded.describe());
  report["model"] = options.model.empty() ? "from the weights or --config" : options.model;
  report["image"] = {{"width", size.width}, {"height", size.height}};
  report["warm_up"] = command.warm_up;
  report["load"] = {{"seconds", loaded.seconds}, {"peak_bytes", peak_memory_bytes()}};

  if (command.what == "accel") {
    std::vector<AccelResult> results;
    const std::vector<AccelVariant> variants = accel_variants(accel_plan(command), options.weights);
    for (const int64_t frames : numbers_of_frames(command, loaded, size)) {
      for (AccelResult& result :
           measure_accel(loaded, frames, plan, variants, command.accel.scenes, progress)) {
        results.push_back(std::move(result));
      }
    }
    report["results"] = Json::array();
    for (const AccelResult& result : results) report["results"].push_back(to_json(result));
    const std::string setting = describe_device(loaded.device) + ", " + loaded.arithmetic() + ", " +
                                std::to_string(size.width) + " x " + std::to_string(size.height) +
                                " px, commit " + commit();
    print(setting + "\n\n" + table_of_accel(results));
    for (const AccelResult& result : results) {
      if (!result.report.reason.empty()) print("auto: " + result.report.reason + "\n");
    }
    if (!command.json.empty()) write_report(command.json, report);
    if (!command.table.empty()) {
      write_text_file(command.table, auto_table_with(command.table, results, loaded));
    }
#ifdef VGGT_WITH_IMAGE
    if (!command.chart.empty()) {
      write_file(command.chart,
                 [&](const std::string& pending) { write_accel_chart(pending, results, setting); });
    }
#endif
    return;
  }
  std::vector<BenchResult> results;
  for (const int64_t frames : numbers_of_frames(command, loaded, size)) {
    for (BenchResult& result : measure(loaded, frames, plan, progress)) {
      results.push_back(std::move(result));
    }
  }
  // Before and after: a machine is not equally fast all the time.
  peaks = larger(peaks, measure_peaks(loaded.device));
  report["machine"]["peaks"] = to_json(peaks);
  report["results"] = Json::array();
  for (const BenchResult& result : results) report["results"].push_back(to_json(result, peaks));
  const std::string setting = describe_device(loaded.device) + ", " + loaded.arithmetic() + ", " +
                              std::to_string(size.width) + " x " + std::to_string(size.height) +
                              " px, commit " + commit();
  print(setting + "\n\n" + table_of_results(results));
  print("\n" + describe(peaks) + "\n" + table_of_limits(results, peaks));
  if (!command.scaling.empty()) {
    const std::vector<Scaling> scalings = scaling_of(results);
    report["scaling"] = Json::array();
    for (const Scaling& scaling : scalings) report["scaling"].push_back(to_json(scaling));
    print("\nTime and peak memory as constant + linear + quadratic part of the frames:\n\n" +
          table_of_scaling(scalings));
#ifdef VGGT_WITH_IMAGE
    if (!command.chart.empty()) {
      write_file(command.chart, [&](const std::string& pending) {
        write_scaling_chart(pending, scalings, setting);
      });
    }
#endif
  }
  if (!command.compare.empty()) {
    print("\nBase: " + printable(command.compare + ", " + base.device + ", commit " + base.commit) +
          "\n\n" + printable(comparison(base.results, results)));
  }
  if (!command.json.empty()) {
    write_report(command.json, report);
  }
}

}  // namespace

void add_bench(CLI::App& app) {
  const auto command = std::make_shared<BenchCommand>();
  CLI::App* sub =
      app.add_subcommand("bench", "Time the network and its kernels on synthetic images");
  sub->add_option("what",
                  command->what,
                  "network; accel: the aggregator with merged tokens against without"
#ifdef VGGT_WITH_BA
                  "; ba: bundle adjustment of disturbed cameras"
#endif
                  )
#ifdef VGGT_WITH_BA
      ->check(CLI::IsMember({"network", "accel", "ba"}))
#else
      ->check(CLI::IsMember({"network", "accel"}))
#endif
      ->capture_default_str();
  sub->add_option("--methods", command->accel.methods, "What bench accel compares with the whole")
      ->delimiter(',')
      ->type_name("METHOD");
  sub->add_option("--ratios",
                  command->accel.ratios,
                  "Shares of the tokens that each method is to keep; without it as published")
      ->delimiter(',')
      ->type_name("SHARE");
  sub->add_flag("--both-biases",
                command->accel.both_biases,
                "Every method with the logarithm of the mass on merged keys, and without");
  sub->add_option(
         "--scenes",
         command->accel.scenes,
         "Score so many held-out synthetic scenes, too, of as many frames: poses and depth")
      ->type_name("N")
      ->check(CLI::Range(1, 10000));
  sub->add_option("--table",
                  command->table,
                  "Put what was measured into this table, which --accel auto can decide by")
      ->type_name("FILE");
  sub->add_option("--stages",
                  command->stages,
                  "What to measure: encoder, aggregator, camera_head, depth_head, point_head, "
                  "reconstruct (images in memory to points), attention, linear; without it the "
                  "stages of the heads that are loaded, and reconstruct")
      ->type_name("NAME")
      ->delimiter(',');
  sub->add_option("--path",
                  command->path,
                  "Through our kernels, through LibTorch's calls, or in turns, which gives the "
                  "speed-up")
      ->check(CLI::IsMember({"fast", "plain", "both"}))
      ->capture_default_str();
  CLI::Option* frames =
      sub->add_option("--frames", command->frames, "Numbers of frames, one measurement each")
          ->type_name("N")
          ->delimiter(',')
          ->check(CLI::Range(1, 100000))
          ->capture_default_str();
  sub->add_option("--scaling",
                  command->scaling,
                  "The same, and how time and memory grow with them: three or more numbers; what "
                  "does not fit into memory is left out")
      ->type_name("N")
      ->delimiter(',')
      ->check(CLI::Range(1, 100000))
      ->excludes(frames);
  sub->add_option(
         "--size",
         command->size,
         "Size of the frames in px, multiples of the model's patch; without it the model's "
         "longest side, 4:3")
      ->type_name("WIDTHxHEIGHT");
  sub->add_option("--repeat", command->repeat, "Runs per measurement; at least 7 of kernels")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  sub->add_flag("!--no-warm-up",
                command->warm_up,
                "Measure the first run, too, of every path and number of frames");
  sub->add_option("--json", command->json, "File for the report, with command, machine and commit")
      ->type_name("FILE");
  sub->add_option("--compare", command->compare, "An earlier report: how much faster this run is")
      ->type_name("FILE");
#ifdef VGGT_WITH_IMAGE
  sub->add_option("--chart",
                  command->chart,
                  "Picture of the curves of --scaling, or of bench accel: accuracy against time")
      ->type_name("FILE.png");
#endif
#ifdef VGGT_WITH_BA
  sub->add_option("--scene",
                  command->ba.scenes,
                  "Folder with images/ and cameras.json for bench ba; may be repeated")
      ->type_name("FOLDER");
  sub->add_option("--disturb",
                  command->ba.disturb,
                  "How far bench ba puts cameras off: degrees, and share of the largest way "
                  "between two")
      ->delimiter(',')
      ->capture_default_str();
  sub->add_option("--seed", command->ba.seed, "Of the disturbance")->capture_default_str();
  sub->add_option("--lens", command->ba.lens, "Focal length in bench ba: fixed, or shared, refined")
      ->check(CLI::IsMember({"fixed", "shared"}))
      ->capture_default_str();
#endif
  add_model_options(*sub, command->model);
  add_accel_options(*sub, command->model.accel);
  sub->get_option("--weights")
      ->description("Checkpoint, or synthetic:SEED; without it synthetic:0");
  sub->get_option("--model")->description(
      "Preset for synthetic weights; without it and --config vggt-1b");
  sub->footer(examples(
      {{"VGGT-1B on synthetic weights and 2, 4 and 8 frames: our kernels against LibTorch's calls",
        "vggt bench --path both --json bench.json"},
       {"Has a change made it faster?",
        "vggt bench --model mini --frames 8 --repeat 9 --compare bench.json"},
       {"Time and memory by number of frames",
        "vggt bench --scaling 1,2,4,8,16,32 --json scaling.json"},
       {"Merged tokens at two strengths against the whole attention",
        "vggt bench accel --methods httm,keys-grid --ratios 0.3,0.15 --frames 8 --json accel.json"},
       {"The same with each method's accuracy on 12 scenes, and as a table for --accel auto",
        "vggt bench accel --weights models/mini.safetensors --methods come --scenes 12 --table "
        "t.json"},
#ifdef VGGT_WITH_BA
       {"Does bundle adjustment bring cameras back that are 3 degrees and 3 % off?",
        "vggt bench ba --scene scenes/fountain --disturb 3,0.03 --json ba.json"},
#endif
       {"Encoder, aggregator and camera head alone, in bf16, frames of 518 x 294 px",
        "vggt bench --heads camera --precision bf16 --size 518x294 --frames 4"}}));
  sub->callback([command] { run(*command); });
}

}  // namespace vggt::apps
