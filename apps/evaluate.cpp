// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/accel_options.h"
#include "apps/commands.h"
#include "apps/evaluate_steps.h"
#include "apps/help.h"
#include "apps/interrupt.h"
#include "apps/messages.h"
#include "apps/option_facts.h"
#include "apps/output_file.h"
#include "apps/program.h"
#include "src/base/error.h"
#include "src/base/mixed.h"
#include "src/io/json_file.h"

namespace vggt::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kResults = "results.jsonl";

std::string in_report(const std::string& folder, const char* file) {
  return (fs::path(folder) / file).string();
}

std::string short_hash(const std::string& text) {
  char hash[17];
  std::snprintf(hash, sizeof(hash), "%016llx", static_cast<unsigned long long>(hash_of(text)));
  return hash;
}

// A folder that is there must be a report, so that nothing foreign is mixed with it.
void check_folder(const std::string& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error) && !fs::is_empty(folder, error) &&
      !fs::exists(in_report(folder, kResults), error)) {
    throw ConfigError("output",
                      folder + " holds files, but no " + kResults +
                          ", so it is no report to go on with; name another folder");
  }
}

void make_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError(folder, "cannot be made: " + error.message());
}

eval::Evaluation read_report_folder(const std::string& folder) {
  const std::string path = in_report(folder, "summary.json");
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw IoError(path,
                  "is not there: the report was not finished; run the same vggt eval -o again, it "
                  "goes on");
  }
  const nlohmann::json summary = read_json(path);
  const JsonFields fields(path, "", summary);
  const nlohmann::json& fingerprints = fields.member("fingerprints");
  const auto is_text = [](const nlohmann::json& value) { return value.is_string(); };
  if (!fingerprints.is_array() || !std::all_of(fingerprints.begin(), fingerprints.end(), is_text)) {
    throw IoError(path, "fingerprints is no list of texts");
  }
  return {.dataset = fields.text("dataset"),
          .results = eval::read_results(in_report(folder, kResults),
                                        fields.text("key"),
                                        fingerprints.get<std::vector<std::string>>())};
}

void compare(const EvaluateCommand& command) {
  if (!command.root.empty() || !command.output.empty() || !command.dataset.empty()) {
    throw ConfigError("compare",
                      "is of two finished reports and writes nothing: leave the data set, --root "
                      "and --output out");
  }
  const eval::Evaluation a = read_report_folder(command.compare[0]);
  const eval::Evaluation b = read_report_folder(command.compare[1]);
  if (a.dataset != b.dataset) {
    throw ConfigError("compare", "one report is of " + a.dataset + ", the other of " + b.dataset);
  }
  std::fputs(printable("a: " + command.compare[0] + "\nb: " + command.compare[1] + "\n" +
                       eval::markdown_comparison(a, b, {}))
                 .c_str(),
             stdout);
}

void check(const EvaluateCommand& command) {
  std::string missing;
  if (command.dataset.empty()) missing = "the data set";
  if (command.root.empty()) missing += missing.empty() ? "--root" : ", --root";
  if (command.output.empty()) missing += missing.empty() ? "--output" : ", --output";
  if (!missing.empty()) {
    throw ConfigError("eval", missing + " must be given, unless two reports are compared");
  }
  datasets::loader(command.dataset);
}

void run(const EvaluateCommand& command) {
  if (!command.compare.empty()) return compare(command);
  check(command);
  const ProgressCallback progress = interruptible_progress();
  Plan plan = make_plan(command);
  for (const eval::LeftOut& left_out : plan.left_out) {
    say("left out: " + left_out.sequence + ": " + left_out.reason);
  }
  if (plan.sequences.empty()) {
    throw IoError(command.root, "no sequence can be scored; the lines above say why");
  }
  check_folder(command.output);
  const LoadedModel loaded = load(command.model, progress);
  make_folder(command.output);
  const Json made_by = key_of(command, loaded);
  const std::string key = short_hash(made_by.dump());
  eval::ResultLog log(in_report(command.output, kResults), key);
  if (log.others() > 0) {
    say("note: " + std::to_string(log.others()) + " results in " + command.output +
        " were made with other weights or options and do not count");
  }
  eval::Evaluation evaluation{.dataset = command.dataset,
                              .results = score_all(command, loaded, plan, log, progress),
                              .left_out = std::move(plan.left_out),
                              .problems = std::move(plan.problems)};
  if (evaluation.results.empty()) {
    throw IoError(command.root, "no sequence could be scored; the lines above say why");
  }
  Json fingerprints = Json::array();
  for (const eval::SequenceResult& result : evaluation.results) {
    fingerprints.push_back(result.fingerprint);
  }
  evaluation.facts = {{"key", key},
                      {"fingerprints", fingerprints},
                      {"made_by", made_by},
                      {"model", loaded.describe()},
                      {"frame_list_hash", short_hash(frame_lists_of(evaluation.results).dump())},
                      {"options",
                       {{"root", command.root},
                        {"split", command.split},
                        {"frames", command.frames},
                        {"stride", command.stride},
                        {"order", command.order},
                        {"seed", command.seed},
                        {"frame_list", command.frame_list},
                        {"least_frames", command.least_frames},
                        {"fast", command.fast},
                        {"only", command.only}}}};
  const Json summary = eval::summarise(evaluation, {});
  write_evaluation(command.output, evaluation, summary);
  std::fputs(printable(eval::markdown_table(summary)).c_str(), stdout);
  say(std::to_string(evaluation.results.size()) + " sequences scored, " +
      std::to_string(evaluation.left_out.size()) + " left out: " + command.output);
}

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const datasets::Loader& loader : datasets::loaders()) names.push_back(loader.name);
  return names;
}

void add_choice_options(CLI::App& app, EvaluateCommand& command) {
  constexpr const char* kGroup = "Which sequences and frames";
  app.add_option("--frames",
                 command.frames,
                 "Frames of each sequence, 0: all; without it the protocol's, which is 10")
      ->check(CLI::Range(0, 1000000))
      ->group(kGroup);
  app.add_option("--seed", command.seed, "Of the draw; a seed gives the same frames everywhere")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option(
         "--order", command.order, "How frames are chosen: drawn, evenly spread, or the first ones")
      ->check(CLI::IsMember({"random", "even", "first"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--stride", command.stride, "Look at every Nth frame only")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--frame-list",
                 command.frame_list,
                 "Frames as another project chose them: JSON, {sequence: [indices]}, or a list of "
                 "such lists to score a sequence several times")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--min-frames",
                 command.least_frames,
                 "Leave sequences with fewer out; without it 2, for co3d 50")
      ->check(CLI::Range(2, 1000000))
      ->group(kGroup);
  app.add_flag("--fast", command.fast, "Of each category ten sequences, as published for co3d")
      ->group(kGroup);
  app.add_option(
         "--split",
         command.split,
         "Part of the data set, as datasets/README.md names them; without it the protocol's")
      ->group(kGroup);
  app.add_option("--only", command.only, "Score only these sequences or categories")
      ->delimiter(',')
      ->group(kGroup);
}

}  // namespace

void add_evaluate(CLI::App& app) {
  const auto command = std::make_shared<EvaluateCommand>();
  command->model.heads = {"camera", "depth"};
  CLI::App* sub = app.add_subcommand(
      "eval", "Score a model on photos with known poses, by the published protocols");
  sub->add_option(
         "dataset",
         command->dataset,
         "Kind of data set, as datasets/README.md describes them: " + joined(dataset_names(), ", "))
      ->check(CLI::IsMember(dataset_names()));
  sub->add_option("--root", command->root, "Folder of the data set")->type_name("FOLDER");
  sub->add_option("-o,--output",
                  command->output,
                  "Folder for the report; a run that was ended goes on where it was")
      ->type_name("FOLDER");
  sub->add_option("--compare",
                  command->compare,
                  "Compare two reports, sequence by sequence, instead of scoring")
      ->expected(2)
      ->type_name("FOLDER");
  add_choice_options(*sub, *command);
  add_model_options(*sub, command->model);
  add_accel_options(*sub, command->model.accel);

  constexpr const char* kMeasured = "What is measured";
  sub->add_option("--repeat", command->repeat, "Run the network so often; the median time counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->group(kMeasured);
  sub->add_flag("!--no-points",
                command->points,
                "No point clouds, which take longest where there is depth")
      ->group(kMeasured);
  sub->add_option("--most-points",
                  command->most_points,
                  "Points of each cloud that are compared, drawn by a fixed rule; 0: all")
      ->check(CLI::Range(0, 100000000))
      ->capture_default_str()
      ->group(kMeasured);
  sub->add_option("--compat",
                  command->compat,
                  "Protocol of a published script where it differs: fastvggt (trajectories), cut3r "
                  "or cut3r-aligned (points)")
      ->check(CLI::IsMember({"none", "fastvggt", "cut3r", "cut3r-aligned"}))
      ->capture_default_str()
      ->group(kMeasured);
  sub->footer(examples(
      {{"The bundled model on scenes with cameras.json, ten frames each",
        "vggt eval scenes --root scenes/ -o report/"},
       {"CO3Dv2 by the published protocol, ten sequences of each category",
        "vggt eval co3d --root co3d/ --fast --weights model.safetensors -o report/"},
       {"Whether b is better than a, with intervals", "vggt eval --compare report_a report_b"}}));
  sub->callback([command] { run(*command); });
}

}  // namespace vggt::apps
