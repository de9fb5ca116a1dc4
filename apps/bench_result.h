// SPDX-License-Identifier: Apache-2.0
// What `vggt bench` measured, as tables and as JSON, and two of its reports side by side.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "src/base/peaks.h"
#include "src/models/cost.h"

namespace vggt::apps {

/// One stage or kernel at one number of frames on one path.
struct BenchResult {
  std::string name;  ///< "aggregator", "attention/8x1041"
  int64_t frames = 0;
  std::string path;  ///< "fast" or "plain"
  int64_t runs = 0;
  double median_s = 0;
  double min_s = 0;
  double p90_s = 0;
  Cost cost;
  int64_t peak_bytes = 0;
  bool layers_on_host = false;    ///< as in ForwardOptions
  std::optional<double> speedup;  ///< plain median / this one, where both were run
};

/// The result of the given seconds, at least one.
BenchResult bench_result(std::string name,
                         int64_t frames,
                         std::string path,
                         std::vector<double> seconds);

/// Fills `speedup` where the plain path of the same name and frames is there.
void compare_paths(std::vector<BenchResult>& results);

/// What a machine with such peaks needs at least, and why.
struct Roofline {
  double compute_s = 0;
  double memory_s = 0;
  bool is_compute() const { return compute_s >= memory_s; }
  double seconds() const { return is_compute() ? compute_s : memory_s; }
};

/// Where there is no peak for half precision, that of float32 holds.
Roofline roofline(const Cost& cost, const MachinePeaks& peaks);

nlohmann::ordered_json to_json(const BenchResult& result, const MachinePeaks& peaks);
nlohmann::ordered_json to_json(const MachinePeaks& peaks);

/// Markdown, with a line feed at the end: results; limits; base and now.
std::string table_of_results(const std::vector<BenchResult>& results);
std::string table_of_limits(const std::vector<BenchResult>& results, const MachinePeaks& peaks);
std::string comparison(const std::vector<BenchResult>& base, const std::vector<BenchResult>& now);

/// An earlier report. Of the results only what comparison() needs is filled.
struct BenchReport {
  std::string device;
  std::string commit;
  std::vector<BenchResult> results;
};

/// Throws IoError naming the file and the field.
BenchReport read_bench_report(const std::string& path);

/// A Markdown table; the first column is aligned left, the others right.
std::string markdown(const std::vector<std::string>& head,
                     const std::vector<std::vector<std::string>>& rows);

/// Three significant digits, without an exponent.
std::string short_number(double value);

}  // namespace vggt::apps
