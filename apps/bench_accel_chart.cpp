// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "apps/bench_accel.h"
#include "src/image/chart.h"

namespace vggt::apps {
namespace {

// What the lines of a method are called: without its ratio.
std::string line_of(const AccelResult& result) {
  std::string name = result.time.name;
  const size_t begin = name.find(" ratio=");
  if (begin == std::string::npos) return name;
  const size_t end = name.find(' ', begin + 1);
  return name.erase(begin, end == std::string::npos ? end : end - begin);
}

std::string ratio_of(const AccelResult& result) {
  const auto ratio = result.options.settings.find("ratio");
  return ratio == result.options.settings.end() ? line_of(result) : ratio->second;
}

}  // namespace

void write_accel_chart(const std::string& path,
                       const std::vector<AccelResult>& results,
                       const std::string& note) {
  const bool scored = !results.empty() && results.front().scores.has_value();
  std::vector<std::string> names;
  std::map<int64_t, std::map<std::string, ChartSeries>> panels;
  for (const AccelResult& result : results) {
    const std::string name = line_of(result);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    ChartSeries& series = panels[result.time.frames][name];
    const double y = scored ? 100 * result.scores->poses.auc.back() : 100 * result.tokens_error;
    series.points.push_back({result.time.median_s + result.encoder_s, y});
    series.labels.push_back(ratio_of(result));
  }
  Chart chart = {.title = "Merged tokens: accuracy against time", .note = note};
  for (auto& [frames, of_name] : panels) {
    ChartPanel panel = {.title = std::to_string(frames) + " frames",
                        .x_label = "encoder and aggregator, s",
                        .y_label = scored ? "AUC@30" : "tokens off, %"};
    for (size_t i = 0; i < names.size(); ++i) {
      const auto found = of_name.find(names[i]);
      if (found == of_name.end()) continue;
      ChartSeries dots = found->second;
      dots.kind = ChartSeries::Kind::kPoints;
      dots.grey = names[i] == "none";
      dots.hue = static_cast<double>(i) / static_cast<double>(names.size());
      ChartSeries line = dots;
      line.kind = ChartSeries::Kind::kLine;
      line.name = names[i];
      line.labels.clear();
      std::sort(line.points.begin(), line.points.end());
      panel.series.push_back(line);
      panel.series.push_back(dots);
    }
    chart.panels.push_back(panel);
  }
  write_chart(path, chart);
}

}  // namespace vggt::apps
