// SPDX-License-Identifier: Apache-2.0
#include "apps/accel_options.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "src/accel/come.h"
#include "src/accel/methods.h"
#include "src/base/error.h"

namespace vggt::apps {

using Json = nlohmann::ordered_json;

void add_settings(const std::vector<std::string>& texts,
                  const std::string& field,
                  accel::MergeOptions& options) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw ConfigError(field, "'" + text + "' must be NAME=VALUE");
    }
    options.settings[text.substr(0, equals)] = text.substr(equals + 1);
  }
}

void add_accel_options(CLI::App& app, accel::MergeOptions& options) {
  constexpr const char* kGroup = "Model";
  std::vector<std::string> names = {"none", "auto"};
  for (const accel::Method& method : accel::methods()) names.push_back(method.name);
  app.add_option(
         "--accel",
         options.method,
         "Merge tokens in attention over all frames, faster for many photos and less "
         "exact, by one of the methods of docs/merging.md; auto takes what was measured to be "
         "fastest for the number of photos")
      ->check(CLI::IsMember(names))
      ->type_name("METHOD")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option_function<std::vector<std::string>>(
         "--accel-options",
         [&options](const std::vector<std::string>& texts) {
           add_settings(texts, "accel-options", options);
         },
         "Settings of the method, as ratio=0.3")
      ->type_name("NAME=VALUE")
      ->delimiter(',')
      ->group(kGroup);
  app.add_option_function<std::string>(
         "--quality",
         [&options](const std::string& text) { options.settings["quality"] = text; },
         "Of --accel auto: the share of the whole attention's score that is to be kept; without "
         "it 0.99")
      ->type_name("SHARE")
      ->group(kGroup);
}

void find_predictor(accel::MergeOptions& options, const std::string& weights) {
  const auto setting = [&](const char* name, const std::string& otherwise) {
    const auto found = options.settings.find(name);
    return found == options.settings.end() ? otherwise : found->second;
  };
  const bool is_auto = options.method == "auto";
  const bool needs_one = options.method == "come" && setting("score", "predictor") == "predictor";
  if ((!needs_one && !is_auto) || !setting("predictor", "").empty()) return;
  if (weights.starts_with("synthetic:")) {
    options.settings["predictor"] = weights;
    return;
  }
  namespace fs = std::filesystem;
  const fs::path model(weights);
  const fs::path beside = model.parent_path() / (model.stem().string() + "-come.safetensors");
  std::error_code error;
  if (!fs::exists(beside, error)) {
    if (is_auto) return;  // it does without
    throw ConfigError("accel",
                      "come needs a predictor of " + weights + ", and there is no " +
                          beside.string() + ": " + accel::how_to_make_a_predictor(weights));
  }
  options.settings["predictor"] = beside.string();
}

Json to_json(const accel::MergeOptions& options) {
  Json json = {{"method", options.method}};
  for (const auto& [name, value] : accel::describe(options)) json["settings"][name] = value;
  return json;
}

Json to_json(const accel::MergeReport& report) {
  Json layers = Json::array();
  double plan = 0;
  double attention = 0;
  double restore = 0;
  for (const accel::MergeRecord& record : report.layers) {
    plan += record.plan_s;
    attention += record.attention_s;
    restore += record.restore_s;
    layers.push_back({{"layer", record.layer},
                      {"built_at", record.built_at},
                      {"tokens", record.rows},
                      {"query_slots", record.q_slots},
                      {"key_slots", record.kv_slots},
                      {"plan_s", record.plan_s},
                      {"attention_s", record.attention_s},
                      {"restore_s", record.restore_s}});
  }
  Json json = {{"setup_s", report.setup_s},
               {"plan_s", plan},
               {"attention_s", attention},
               {"restore_s", restore},
               {"layers", layers}};
  if (!report.reason.empty()) {
    json["chosen"] = to_json(report.chosen);
    json["reason"] = report.reason;
  }
  return json;
}

}  // namespace vggt::apps
