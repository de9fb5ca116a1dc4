// SPDX-License-Identifier: Apache-2.0
#include "src/accel/automatic.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/accel/methods.h"
#include "src/base/error.h"
#include "src/io/json_file.h"

namespace vggt {
// Made by the build of auto_table.json.
extern const unsigned char auto_table_json[];
extern const size_t auto_table_json_size;
}  // namespace vggt

namespace vggt::accel {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLeastGain = 1.05;

struct Table {
  std::vector<SpeedLine> speeds;
  std::vector<QualityLine> qualities;
};

Json to_json(const MergeOptions& options) {
  Json json = {{"method", options.method}, {"settings", Json::object()}};
  for (const auto& [name, value] : options.settings) json["settings"][name] = value;
  return json;
}

MergeOptions options_of(const Json& line) {
  MergeOptions options{line.at("method").get<std::string>()};
  for (const auto& [name, value] : line.at("settings").items()) {
    options.settings[name] = value.get<std::string>();
  }
  check(options);
  return options;
}

Table table_of(const Json& json, const std::string& path) {
  Table table;
  try {
    for (const Json& line : json.at("speed")) {
      table.speeds.push_back({options_of(line),
                              line.at("device").get<std::string>(),
                              line.at("channels").get<int64_t>(),
                              line.at("tokens").get<int64_t>(),
                              line.at("speedup").get<double>()});
    }
    for (const Json& line : json.at("quality")) {
      table.qualities.push_back({options_of(line),
                                 line.at("weights").get<std::string>(),
                                 line.at("quality").get<double>()});
    }
  } catch (const Json::exception& error) {
    throw IoError(path, std::string("is no table of vggt bench accel --table: ") + error.what());
  } catch (const ConfigError& error) {
    throw IoError(path, error.what());
  }
  return table;
}

Table read_table(const std::string& path) {
  if (!path.empty()) return table_of(Json(read_json(path)), path);
  const char* text = reinterpret_cast<const char*>(auto_table_json);
  return table_of(Json::parse(text, text + auto_table_json_size), "the built-in table");
}

bool are_same(const MergeOptions& a, const MergeOptions& b) {
  return a.method == b.method && a.settings == b.settings;
}

std::string text_of(const MergeOptions& options) {
  std::string text = options.method;
  for (const auto& [name, value] : options.settings) {
    if (name != "predictor") text += " " + name + "=" + value;
  }
  return text;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", value);
  return text;
}

// Speed-up at a number of tokens, in a line over the logarithm of what was measured; 1 below it.
double speedup_at(std::vector<std::pair<double, double>> points, double tokens) {
  std::sort(points.begin(), points.end());
  if (points.empty() || tokens < points.front().first) return 1;
  if (tokens >= points.back().first) return points.back().second;
  const auto above = std::upper_bound(
      points.begin(), points.end(), tokens, [](double t, const auto& p) { return t < p.first; });
  const auto below = above - 1;
  const double share = std::log(tokens / below->first) / std::log(above->first / below->first);
  return below->second + share * (above->second - below->second);
}

}  // namespace

AutoChoice choose_automatically(const MergeOptions& asked, const AutoFacts& facts) {
  AutoOptions options;
  apply("auto", settings_of(options), asked.settings);
  const Table table = read_table(options.table);
  // Of the device, the model whose width is nearest.
  int64_t channels = 0;
  double nearest = std::numeric_limits<double>::infinity();
  for (const SpeedLine& line : table.speeds) {
    const double off = std::abs(
        std::log(static_cast<double>(line.channels) / static_cast<double>(facts.channels)));
    if (line.device != facts.device || off >= nearest) continue;
    nearest = off;
    channels = line.channels;
  }
  const std::string where = std::to_string(facts.frames) + " frames (" +
                            std::to_string(facts.tokens) + " tokens) on " + facts.device;
  if (channels == 0) return {{}, "dense: no speed was measured on " + facts.device};

  AutoChoice best{{}, ""};
  double best_speedup = kLeastGain;
  double fastest = 1;  // of those that keep the quality
  for (const QualityLine& line : table.qualities) {
    if (line.quality < options.quality) continue;
    if (line.options.method == "come" && options.predictor.empty()) continue;
    std::vector<std::pair<double, double>> points;
    for (const SpeedLine& speed : table.speeds) {
      if (speed.device == facts.device && speed.channels == channels &&
          are_same(speed.options, line.options)) {
        points.emplace_back(static_cast<double>(speed.tokens), speed.speedup);
      }
    }
    const double speedup = speedup_at(points, static_cast<double>(facts.tokens));
    fastest = std::max(fastest, speedup);
    if (speedup < best_speedup) continue;
    best_speedup = speedup;
    best.options = line.options;
    if (line.options.method == "come") best.options.settings["predictor"] = options.predictor;
    best.reason = text_of(line.options) + ": " + number(speedup) + " times as fast at " + where +
                  ", keeps " + number(line.quality) + " of the dense score (of " + line.weights +
                  "), asked for " + number(options.quality);
  }
  if (best.reason.empty()) {
    best.reason = "dense: at " + where + " nothing that keeps " + number(options.quality) +
                  " of the dense score is " + number(kLeastGain) + " times as fast (at most " +
                  number(fastest) + ")";
  }
  return best;
}

MergeOptions resolved(const MergeOptions& asked, const AutoFacts& facts, MergeReport* report) {
  if (asked.method != "auto") return asked;
  const AutoChoice choice = choose_automatically(asked, facts);
  if (report) {
    report->chosen = choice.options;
    report->reason = choice.reason;
  }
  return choice.options;
}

std::string table_with(const std::string& path,
                       const std::vector<SpeedLine>& speeds,
                       const std::vector<QualityLine>& qualities) {
  Table table;
  if (std::error_code error; std::filesystem::exists(path, error)) table = read_table(path);
  for (const SpeedLine& line : speeds) {
    std::erase_if(table.speeds, [&](const SpeedLine& old) {
      return are_same(old.options, line.options) && old.device == line.device &&
             old.channels == line.channels && old.tokens == line.tokens;
    });
    table.speeds.push_back(line);
  }
  for (const QualityLine& line : qualities) {
    std::erase_if(table.qualities,
                  [&](const QualityLine& old) { return are_same(old.options, line.options); });
    table.qualities.push_back(line);
  }
  Json json = {{"speed", Json::array()}, {"quality", Json::array()}};
  for (const SpeedLine& line : table.speeds) {
    Json entry = to_json(line.options);
    entry["device"] = line.device;
    entry["channels"] = line.channels;
    entry["tokens"] = line.tokens;
    entry["speedup"] = line.speedup;
    json["speed"].push_back(entry);
  }
  for (const QualityLine& line : table.qualities) {
    Json entry = to_json(line.options);
    entry["weights"] = line.weights;
    entry["quality"] = line.quality;
    json["quality"].push_back(entry);
  }
  // A line of the table is a line of the file.
  std::string text = "{\n";
  for (const char* part : {"speed", "quality"}) {
    text += std::string(" \"") + part + "\": [";
    for (size_t i = 0; i < json[part].size(); ++i) {
      text += (i ? ",\n  " : "\n  ") + json[part][i].dump();
    }
    text += part == std::string("speed") ? "\n ],\n" : "\n ]\n";
  }
  return text + "}\n";
}

std::vector<Setting> settings_of(AutoOptions& options) {
  return {number("quality", "share of the dense score that is kept", options.quality, 0, 1),
          text("table", "what was measured; without it the built-in table", options.table),
          text("predictor", "of Co-Me", options.predictor)};
}

}  // namespace vggt::accel
