// SPDX-License-Identifier: Apache-2.0
#include "apps/bench_result.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "src/base/percentile.h"
#include "src/io/json_file.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

bool same_measurement(const BenchResult& a, const BenchResult& b) {
  return a.name == b.name && a.frames == b.frames && a.path == b.path;
}

const BenchResult* find(const std::vector<BenchResult>& results, const BenchResult& like) {
  const auto found = std::find_if(results.begin(), results.end(), [&](const BenchResult& result) {
    return same_measurement(result, like);
  });
  return found == results.end() ? nullptr : &*found;
}

std::string percent(double share) { return short_number(100 * share) + " %"; }

// The measurements of `all` that `others` lacks, one line; empty if there are none.
std::string missing(const std::vector<BenchResult>& all,
                    const std::vector<BenchResult>& others,
                    const std::string& where) {
  std::string text;
  for (const BenchResult& result : all) {
    if (find(others, result)) continue;
    text += (text.empty() ? "" : "; ") + result.name + ", " + std::to_string(result.frames) +
            " frames, " + result.path;
  }
  return text.empty() ? "" : "\nNot in " + where + ": " + text + "\n";
}

}  // namespace

BenchResult bench_result(std::string name,
                         int64_t frames,
                         std::string path,
                         std::vector<double> seconds) {
  BenchResult result;
  result.name = std::move(name);
  result.frames = frames;
  result.path = std::move(path);
  result.runs = static_cast<int64_t>(seconds.size());
  result.median_s = percentile(seconds, 50);
  result.min_s = percentile(seconds, 0);
  result.p90_s = percentile(seconds, 90);
  return result;
}

void compare_paths(std::vector<BenchResult>& results) {
  for (BenchResult& result : results) {
    BenchResult plain = result;
    plain.path = "plain";
    if (const BenchResult* found = find(results, plain)) {
      result.speedup = found->median_s / result.median_s;
    }
  }
}

Roofline roofline(const Cost& cost, const MachinePeaks& peaks) {
  const double half = peaks.half.per_second > 0 ? peaks.half.per_second : peaks.single.per_second;
  return {cost.half_flop / half + cost.float_flop / peaks.single.per_second,
          cost.bytes / peaks.memory.per_second};
}

Json to_json(const BenchResult& result, const MachinePeaks& peaks) {
  const Roofline limit = roofline(result.cost, peaks);
  return {{"name", result.name},
          {"frames", result.frames},
          {"path", result.path},
          {"runs", result.runs},
          {"median_s", result.median_s},
          {"min_s", result.min_s},
          {"p90_s", result.p90_s},
          {"flop", result.cost.flop()},
          {"bytes", result.cost.bytes},
          {"flop_per_s", result.cost.flop() / result.median_s},
          {"bytes_per_s", result.cost.bytes / result.median_s},
          {"limit", limit.is_compute() ? "compute" : "memory"},
          {"share_of_limit", limit.seconds() / result.median_s},
          {"peak_bytes", result.peak_bytes},
          {"layers_on_host", result.layers_on_host},
          {"speedup", result.speedup ? Json(*result.speedup) : Json(nullptr)}};
}

Json to_json(const MachinePeaks& peaks) {
  const auto peak = [](const Peak& value) {
    return Json{{"per_second", value.per_second}, {"by", value.by}};
  };
  return {{"bf16_flop", peak(peaks.half)},
          {"fp32_flop", peak(peaks.single)},
          {"memory_bytes", peak(peaks.memory)}};
}

std::string table_of_results(const std::vector<BenchResult>& results) {
  std::vector<std::vector<std::string>> rows;
  for (const BenchResult& r : results) {
    rows.push_back({r.name,
                    std::to_string(r.frames),
                    r.path,
                    short_number(r.median_s),
                    short_number(r.min_s),
                    short_number(r.p90_s),
                    short_number(r.cost.flop() * 1e-9),
                    short_number(r.cost.bytes * 1e-9),
                    short_number(r.cost.flop() * 1e-9 / r.median_s),
                    short_number(r.cost.bytes * 1e-9 / r.median_s),
                    short_number(static_cast<double>(r.peak_bytes) * 1e-9),
                    r.speedup ? short_number(*r.speedup) : "-"});
  }
  return markdown({"name",
                   "frames",
                   "path",
                   "median s",
                   "min s",
                   "p90 s",
                   "GFLOP",
                   "GB",
                   "GFLOP/s",
                   "GB/s",
                   "peak memory GB",
                   "speedup"},
                  rows);
}

std::string table_of_limits(const std::vector<BenchResult>& results, const MachinePeaks& peaks) {
  std::vector<std::vector<std::string>> rows;
  bool is_exceeded = false;
  for (const BenchResult& r : results) {
    const Roofline limit = roofline(r.cost, peaks);
    is_exceeded = is_exceeded || limit.seconds() > r.median_s;
    rows.push_back({r.name,
                    std::to_string(r.frames),
                    r.path,
                    short_number(r.cost.flop() / r.cost.bytes),
                    short_number(limit.compute_s),
                    short_number(limit.memory_s),
                    limit.is_compute() ? "compute" : "memory",
                    percent(limit.seconds() / r.median_s)});
  }
  const std::string table = markdown({"name",
                                      "frames",
                                      "path",
                                      "FLOP per byte",
                                      "compute alone s",
                                      "memory alone s",
                                      "limit",
                                      "reached"},
                                     rows);
  if (!is_exceeded) return table;
  return table +
         "\nAbove 100 %: operations are counted as a direct convolution has them; Winograd's "
         "algorithm, which\nour dense heads take, needs a quarter of them.\n";
}

std::string comparison(const std::vector<BenchResult>& base, const std::vector<BenchResult>& now) {
  std::vector<std::vector<std::string>> rows;
  for (const BenchResult& result : now) {
    const BenchResult* before = find(base, result);
    if (!before) continue;
    rows.push_back({result.name,
                    std::to_string(result.frames),
                    result.path,
                    short_number(before->median_s),
                    short_number(result.median_s),
                    short_number(before->median_s / result.median_s)});
  }
  return markdown({"name", "frames", "path", "base s", "now s", "base / now"}, rows) +
         missing(base, now, "this run") + missing(now, base, "the base");
}

BenchReport read_bench_report(const std::string& path) {
  const nlohmann::json json = read_json(path);
  const JsonFields fields(path, "", json);
  BenchReport report;
  report.device = JsonFields(path, "machine", fields.member("machine")).text("device");
  report.commit = fields.text("commit");
  const nlohmann::json& results = fields.member("results");
  if (!results.is_array()) fields.fail("results", "is no list");
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string where = "result " + std::to_string(i);
    const JsonFields of_result(path, where, results[i]);
    BenchResult result;
    result.name = of_result.text("name");
    result.frames = of_result.size("frames");
    result.path = of_result.text("path");
    result.median_s = of_result.number("median_s");
    if (!(result.median_s > 0)) of_result.fail("median_s", "is not above zero");
    report.results.push_back(result);
  }
  return report;
}

std::string markdown(const std::vector<std::string>& head,
                     const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (size_t c = 0; c < head.size(); ++c) {
    widths.push_back(std::max<size_t>(head[c].size(), 3));
    for (const auto& row : rows) widths[c] = std::max(widths[c], row[c].size());
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (size_t c = 0; c < cells.size(); ++c) {
      const std::string padding(widths[c] - cells[c].size(), ' ');
      text += c == 0 ? "| " + cells[c] + padding : " | " + padding + cells[c];
    }
    return text + " |\n";
  };
  std::string text = line(head);
  for (size_t c = 0; c < head.size(); ++c) {
    text += c == 0 ? "|" + std::string(widths[c] + 2, '-')
                   : "|" + std::string(widths[c] + 1, '-') + ":";
  }
  text += "|\n";
  for (const auto& row : rows) text += line(row);
  return text;
}

std::string short_number(double value) {
  const double size = std::abs(value);
  const int digits =
      size > 0 ? std::clamp(2 - static_cast<int>(std::floor(std::log10(size))), 0, 12) : 0;
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

}  // namespace vggt::apps
