// SPDX-License-Identifier: Apache-2.0
#include "src/train/run_folder.h"

#include <ATen/ATen.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/base/error.h"
#include "src/io/binary_file.h"
#include "src/io/output_files.h"
#include "src/weights/safetensors.h"

namespace vggt::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Under another name first, so that a reader never sees half of it.
void replace_text(const std::string& path, const std::string& text) {
  const std::string aside = path + ".tmp";
  {
    BinaryWriter file(aside);
    file.bytes(text.data(), text.size());
    file.close();
  }
  std::error_code error;
  fs::rename(aside, path, error);
  if (error) throw IoError(path, "cannot be replaced: " + error.message());
}

// The lines of the log; a last one that was cut off by a kill is left out.
std::vector<Json> lines_of(const std::string& path) {
  std::vector<Json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("step") && json["step"].is_number_integer()) {
      lines.push_back(std::move(json));
    }
  }
  return lines;
}

void append(const std::string& path, const Json& line) {
  std::ofstream file(path, std::ios::app);
  file << line.dump() << "\n";
  if (!file.flush()) throw IoError(path, "cannot be written");
}

// A recipe, a log, perhaps curves, and nothing else.
bool holds_a_beginning(const std::string& path) {
  std::error_code error;
  bool has_recipe = false;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    const std::string name = entry.path().filename();
    if (name == "recipe.json") has_recipe = true;
    const bool written_aside = name.ends_with(".tmp");
    if (name != "recipe.json" && name != "log.jsonl" && name != "curves.png" && !written_aside) {
      return false;
    }
  }
  return has_recipe && !error;
}

}  // namespace

RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);
}

RunFolder::RunFolder(std::string path, bool resume) : path_(std::move(path)) {
  std::error_code error;
  // A run that ended before its first checkpoint begins anew.
  if (holds_a_beginning(path_)) return;
  if (resume) {
    if (!has_checkpoint()) {
      throw ConfigError("output", path_ + " holds no checkpoint.safetensors to go on from");
    }
    return;
  }
  if (fs::exists(path_, error) &&
      (!fs::is_directory(path_, error) || !fs::is_empty(path_, error))) {
    throw ConfigError("output",
                      path_ + (has_checkpoint() ? " holds a run: add --resume to go on with it, or "
                                                  "name another folder"
                                                : " is not an empty folder; name another one"));
  }
}

bool RunFolder::has_checkpoint() const {
  std::error_code error;
  return fs::exists(file("checkpoint.safetensors"), error);
}

Checkpoint RunFolder::read() const { return read_checkpoint(file("checkpoint.safetensors")); }

void RunFolder::begin(const Recipe& recipe, int64_t step) {
  make_folder(path_);
  // The system lets go of it however the program ends.
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    throw ConfigError("output",
                      path_ +
                          " is being written by another training; wait for its end, "
                          "or name another folder");
  }
  replace_text(file("recipe.json"), recipe.to_json() + "\n");
  std::string kept;
  for (const Json& line : lines_of(file("log.jsonl"))) {
    if (line["step"].get<int64_t>() <= step) kept += line.dump() + "\n";
  }
  replace_text(file("log.jsonl"), kept);
}

void RunFolder::write(const Checkpoint& checkpoint) const {
  write_checkpoint(file("checkpoint.safetensors"), checkpoint);
}

void RunFolder::write(const Checkpoint& checkpoint, const ModelConfig& config) const {
  write(checkpoint);
  const std::string prefix = "average/model.";
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (name.starts_with(prefix)) weights[name.substr(prefix.size())] = tensor.to(at::kBFloat16);
  }
  write_safetensors(file("model.safetensors"),
                    weights,
                    {{"vggt.config", config.to_json(-1)},
                     {"vggt.train.step", std::to_string(checkpoint.step)},
                     {"vggt.train.recipe", Json::parse(checkpoint.recipe).dump()}});
}

void RunFolder::log(const StepReport& report) const {
  Json line = {{"step", report.step},
               {"seconds", report.seconds},
               {"learning_rate", report.learning_rate},
               {"gradient_norm", report.gradient_norm},
               {"loss", report.loss}};
  for (const auto& [name, value] : report.parts) line["parts"][name] = value;
  append(file("log.jsonl"), line);
}

void RunFolder::log(int64_t step, const ValidationScores& scores) const {
  Json line = {{"step", step}};
  Json& values = line["validation"];
  for (size_t i = 0; i < eval::kThresholds_deg.size(); ++i) {
    values["auc_" + std::to_string(eval::kThresholds_deg[i])] = 100 * scores.poses.auc[i];
  }
  values["rotation_deg"] = scores.poses.median_rotation_deg;
  values["translation_deg"] = scores.poses.median_translation_deg;
  values["depth_abs_rel"] = scores.depth_abs_rel;
  append(file("log.jsonl"), line);
}

void RunFolder::log(int64_t step, const std::string& event, const std::string& text) const {
  append(file("log.jsonl"), {{"step", step}, {"event", event}, {"text", text}});
}

std::vector<StepReport> RunFolder::reports() const {
  std::vector<StepReport> reports;
  for (const Json& line : lines_of(file("log.jsonl"))) {
    if (!line.contains("loss")) continue;
    StepReport report;
    const auto number = [](const Json& value) {
      // NaN is null in JSON.
      return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
    };
    const auto field = [&](const char* name) {
      return line.contains(name) ? number(line[name]) : 0.0;
    };
    report.step = static_cast<int64_t>(field("step"));
    report.seconds = field("seconds");
    report.learning_rate = field("learning_rate");
    report.gradient_norm = field("gradient_norm");
    report.loss = field("loss");
    if (line.contains("parts") && line["parts"].is_object()) {
      for (const auto& [name, value] : line["parts"].items()) {
        report.parts.emplace_back(name, number(value));
      }
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<Curve> RunFolder::curves() const {
  std::vector<Curve> curves;
  const auto add = [&](const std::string& name, const Json& line, const Json& value) {
    if (!value.is_number()) return;  // NaN is null in JSON
    auto curve = std::find_if(
        curves.begin(), curves.end(), [&](const Curve& known) { return known.name == name; });
    if (curve == curves.end()) curve = curves.insert(curve, {name, {}});
    curve->points.emplace_back(line["step"].get<int64_t>(), value.get<double>());
  };
  for (const Json& line : lines_of(file("log.jsonl"))) {
    if (line.contains("loss")) add("loss", line, line["loss"]);
    for (const char* group : {"parts", "validation"}) {
      if (!line.contains(group)) continue;
      for (const auto& [name, value] : line[group].items()) {
        add(group == std::string("parts") ? name : "held out: " + name, line, value);
      }
    }
  }
  return curves;
}

}  // namespace vggt::train
