// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/evaluate_steps.h"
#include "apps/output_file.h"
#include "src/image/chart.h"

namespace vggt::apps {
namespace {

using eval::SequenceResult;
using Kind = ChartSeries::Kind;
using Json = nlohmann::ordered_json;

constexpr double kBlue = 0.75;
constexpr double kOrange = 0.1;
constexpr double kGreen = 0.4;
constexpr int64_t kLargest_deg = 30;

double rotation(const eval::PairError& pair) { return pair.rotation_deg; }
double translation(const eval::PairError& pair) { return pair.translation_deg; }
double larger(const eval::PairError& pair) {
  return std::max(pair.rotation_deg, pair.translation_deg);
}

template <class Value>
std::vector<double> values_of(const std::vector<SequenceResult>& results,
                              const Value& value,
                              bool with_degenerate) {
  std::vector<double> values;
  for (const SequenceResult& result : results) {
    for (const eval::PairError& pair : result.pairs) {
      if (with_degenerate || !pair.degenerate) values.push_back(value(pair));
    }
  }
  return values;
}

// From 0 to the next ten percent above all of the values: weak models must be told apart, too.
ChartRange up_to_tens(double highest) {
  return {0, std::clamp(10 * std::floor(highest / 10 + 1), 10.0, 100.0)};
}

// Percent of the pairs in each bin; what lies beyond the last is told in the title.
ChartPanel histogram(const std::string& name,
                     const std::vector<double>& values,
                     double largest,
                     double bin,
                     double hue) {
  ChartSeries bars{.kind = Kind::kBars, .hue = hue};
  const auto count = static_cast<size_t>(std::lround(largest / bin));
  for (size_t i = 0; i < count; ++i) {
    bars.points.push_back({(static_cast<double>(i) + 0.5) * bin, 0});
  }
  double beyond = 0;
  const double share = values.empty() ? 0 : 100.0 / static_cast<double>(values.size());
  for (const double value : values) {
    if (value < largest) {
      bars.points[std::min(static_cast<size_t>(value / bin), count - 1)][1] += share;
    } else {
      beyond += share;
    }
  }
  double highest = 1;
  for (const auto& point : bars.points) highest = std::max(highest, point[1]);
  char title[128];
  std::snprintf(title, sizeof(title), "%s: %.1f %% beyond", name.c_str(), beyond);
  return {.title = title,
          .x_label = "degrees",
          .y_label = "percent of pairs",
          .series = {bars},
          .x_range = ChartRange{0, largest},
          .y_range = ChartRange{0, 1.1 * highest}};
}

template <class Score>
ChartSeries curve(const std::string& name,
                  const std::vector<double>& values,
                  double hue,
                  const Score& score) {
  ChartSeries line{.name = name, .hue = hue};
  for (int64_t t = 1; t <= kLargest_deg; ++t) {
    line.points.push_back({static_cast<double>(t), 100 * score(values, t)});
  }
  return line;
}

void write_errors(const std::string& path,
                  const std::string& title,
                  const std::string& note,
                  const std::vector<SequenceResult>& results) {
  const std::vector<double> rotations = values_of(results, rotation, true);
  const std::vector<double> translations = values_of(results, translation, false);
  const std::vector<double> both = values_of(results, larger, false);
  const auto share = [](const std::vector<double>& values, int64_t threshold) {
    return eval::recall(values, static_cast<double>(threshold));
  };
  const auto area = [](const std::vector<double>& values, int64_t threshold) {
    return eval::auc(values, threshold);
  };
  const ChartPanel recalls{.title = "recall, all pairs pooled",
                           .x_label = "threshold, degrees",
                           .y_label = "percent of pairs below",
                           .series = {curve("rotation", rotations, kBlue, share),
                                      curve("translation", translations, kOrange, share),
                                      curve("larger of both", both, kGreen, share)},
                           .x_range = ChartRange{0, kLargest_deg},
                           .y_range = ChartRange{0, 100}};
  const ChartPanel areas{.title = "AUC, all pairs pooled",
                         .x_label = "threshold, degrees",
                         .y_label = "percent",
                         .series = {curve("", both, kGreen, area)},
                         .x_range = ChartRange{0, kLargest_deg},
                         .y_range = up_to_tens(100 * eval::auc(both, kLargest_deg))};
  write_chart(path,
              {title,
               note,
               {histogram("rotation error", rotations, kLargest_deg, 1, kBlue),
                histogram("translation error", translations, 90, 3, kOrange),
                recalls,
                areas}});
}

// The two axes along which the true centres spread most: those of the covariance, by axis here,
// since worlds are level with one of them more often than not.
std::array<size_t, 2> widest_axes(const SequenceResult& result) {
  std::array<double, 3> low{INFINITY, INFINITY, INFINITY};
  std::array<double, 3> high{-INFINITY, -INFINITY, -INFINITY};
  for (const auto& centre : result.true_centres) {
    for (size_t k = 0; k < 3; ++k) {
      low[k] = std::min(low[k], centre[k]);
      high[k] = std::max(high[k], centre[k]);
    }
  }
  size_t least = 0;
  for (size_t k = 1; k < 3; ++k) {
    if (high[k] - low[k] < high[least] - low[least]) least = k;
  }
  return {least == 0 ? size_t{1} : size_t{0}, least == 2 ? size_t{1} : size_t{2}};
}

ChartPanel trajectory(const SequenceResult& result) {
  const auto [across, upward] = widest_axes(result);
  const auto flat = [&](const std::vector<std::array<double, 3>>& centres) {
    std::vector<std::array<double, 2>> points;
    for (const auto& centre : centres) points.push_back({centre[across], centre[upward]});
    return points;
  };
  const auto truth = flat(result.true_centres);
  const auto predicted = flat(result.trajectory->aligned);
  char title[160];
  std::snprintf(title,
                sizeof(title),
                "%.60s: ATE %.3g of extent %.3g",
                result.sequence.c_str(),
                result.trajectory->ate_rmse,
                eval::extent_of(result.true_centres));
  ChartPanel panel{
      .title = title,
      .x_label = std::string(1, "xyz"[across]),
      .y_label = std::string(1, "xyz"[upward]) + ", units of the truth",
      .series = {{.name = "truth (" + result.trust + ")", .points = truth, .grey = true},
                 {.name = "predicted, Sim(3)", .points = predicted, .hue = kOrange},
                 {.points = truth, .kind = Kind::kPoints, .grey = true},
                 {.points = predicted, .kind = Kind::kPoints, .hue = kOrange}},
      .equal_axes = true};
  // From each true centre to its own.
  for (size_t i = 0; i < truth.size(); ++i) {
    panel.series.insert(panel.series.begin(), {.points = {truth[i], predicted[i]}, .hue = 0});
  }
  return panel;
}

ChartPanel accuracy_against(const std::vector<SequenceResult>& results,
                            const std::string& title,
                            const std::string& unit,
                            double (*cost)(const SequenceResult&)) {
  ChartPanel panel{.title = title, .x_label = unit, .y_label = "AUC@30 of the sequence, percent"};
  ChartSeries dots{.kind = Kind::kPoints, .hue = kBlue};
  double highest = 0;
  double best = 0;
  for (const SequenceResult& result : results) {
    const double auc = 100 * eval::score_pairs(result.pairs).auc.back();
    dots.points.push_back({cost(result), auc});
    dots.labels.push_back(result.sequence);
    highest = std::max(highest, cost(result));
    best = std::max(best, auc);
  }
  panel.series = {dots};
  panel.y_range = up_to_tens(best);
  panel.x_range = ChartRange{0, highest > 0 ? 1.1 * highest : 1};
  return panel;
}

}  // namespace

void write_evaluation_pictures(const std::string& folder,
                               const eval::Evaluation& evaluation,
                               const Json& summary) {
  const std::vector<SequenceResult>& results = evaluation.results;
  const std::string note = std::to_string(results.size()) + " sequences, " +
                           std::to_string(summary["pairs"].get<int64_t>()) + " pairs";
  const auto write = [&](const std::string& name, const auto& make) {
    write_file(folder + "/" + name, make);
  };
  write("errors.png", [&](const std::string& path) {
    write_errors(path, evaluation.dataset + ": errors of relative poses", note, results);
  });

  constexpr size_t kMostPanels = 12;
  std::vector<ChartPanel> paths;
  size_t with_path = 0;
  for (const SequenceResult& result : results) {
    if (!result.trajectory) continue;
    if (++with_path <= kMostPanels) paths.push_back(trajectory(result));
  }
  const std::string shown = with_path > kMostPanels ? "the first " + std::to_string(kMostPanels) +
                                                          " of " + std::to_string(with_path)
                                                    : note;
  write("trajectories.png", [&](const std::string& path) {
    write_chart(path, {evaluation.dataset + ": camera centres", shown, paths, 3});
  });
  write("accuracy.png", [&](const std::string& path) {
    write_chart(path,
                {evaluation.dataset + ": accuracy against cost",
                 note,
                 {accuracy_against(results,
                                   "time of one run",
                                   "seconds",
                                   [](const SequenceResult& r) { return r.forward_seconds; }),
                  accuracy_against(results, "peak memory", "GB", [](const SequenceResult& r) {
                    return r.peak_memory_bytes * 1e-9;
                  })}});
  });
}

}  // namespace vggt::apps
