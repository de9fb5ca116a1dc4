// SPDX-License-Identifier: Apache-2.0
#include "apps/accel_options.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

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
  std::vector<std::string> names = {"none"};
  for (const accel::Method& method : accel::methods()) names.push_back(method.name);
  app.add_option("--accel",
                 options.method,
                 "Merge tokens in attention over all frames, faster for many photos and less "
                 "exact, by one of the methods of docs/merging.md")
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
}

Json to_json(const accel::MergeOptions& options) {
  accel::check(options);
  Json json = {{"method", options.method}};
  if (options.is_on()) {
    for (const auto& [name, value] : accel::method_named(options.method).describe(options)) {
      json["settings"][name] = value;
    }
  }
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
  return {{"setup_s", report.setup_s},
          {"plan_s", plan},
          {"attention_s", attention},
          {"restore_s", restore},
          {"layers", layers}};
}

}  // namespace vggt::apps
