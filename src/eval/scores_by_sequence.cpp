// SPDX-License-Identifier: Apache-2.0
#include "src/eval/scores_by_sequence.h"

#include <cmath>
#include <limits>
#include <map>

namespace vggt::eval {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

DepthScores median_depth(const SequenceResult& result) {
  for (const auto& [alignment, depth] : result.depth) {
    if (alignment == "median") return depth;
  }
  return {.abs_rel = kNaN};
}

}  // namespace

double ate_relative(const SequenceResult& result) {
  return result.trajectory ? result.trajectory->ate_rmse / extent_of(result.true_centres) : kNaN;
}

double abs_rel(const SequenceResult& result) { return median_depth(result).abs_rel; }

double depth_pixels(const SequenceResult& result) {
  return static_cast<double>(median_depth(result).pixels);
}

double chamfer(const SequenceResult& result) {
  return result.points ? result.points->chamfer : kNaN;
}

Statistic mean_of_choice(std::span<const SequenceResult> results,
                         const std::function<double(const SequenceResult&)>& value,
                         const std::function<double(const SequenceResult&)>& weight) {
  std::vector<std::array<double, 2>> values;
  for (const SequenceResult& result : results) {
    values.push_back({value(result), weight ? weight(result) : 1});
  }
  return [values = std::move(values)](std::span<const int64_t> drawn) {
    double sum = 0;
    double weights = 0;
    for (const int64_t i : drawn) {
      const auto [each, its_weight] = values[static_cast<size_t>(i)];
      if (!std::isfinite(each)) continue;
      sum += its_weight * each;
      weights += its_weight;
    }
    return weights > 0 ? sum / weights : kNaN;
  };
}

AucOfChoice::AucOfChoice(std::span<const SequenceResult> results) {
  std::map<std::string, size_t> numbers;
  for (const SequenceResult& result : results) {
    const PoseScores scores = score_pairs(result.pairs);
    const auto pairs = static_cast<double>(scores.pairs - scores.degenerate);
    category_of_.push_back(result.category);
    number_of_.push_back(numbers.try_emplace(result.category, numbers.size()).first->second);
    pairs_.push_back(pairs);
    sum_.emplace_back();
    for (size_t t = 0; t < kThresholds_deg.size(); ++t) {
      sum_.back()[t] = pairs > 0 ? pairs * scores.auc[t] : 0;
    }
  }
  count_ = numbers.size();
}

double AucOfChoice::at(size_t threshold, std::span<const int64_t> drawn) const {
  const bool one_each = count_ == category_of_.size();
  const size_t slots = one_each ? drawn.size() : count_;
  std::vector<double> sum(slots, 0);
  std::vector<double> pairs(slots, 0);
  for (size_t k = 0; k < drawn.size(); ++k) {
    const auto i = static_cast<size_t>(drawn[k]);
    const size_t slot = one_each ? k : number_of_[i];
    sum[slot] += sum_[i][threshold];
    pairs[slot] += pairs_[i];
  }
  double total = 0;
  double filled = 0;
  for (size_t slot = 0; slot < slots; ++slot) {
    if (pairs[slot] == 0) continue;
    total += sum[slot] / pairs[slot];
    ++filled;
  }
  return filled > 0 ? total / filled : kNaN;
}

Interval AucOfChoice::interval(size_t threshold, const BootstrapOptions& options) const {
  return bootstrap(
      category_of_, [&](std::span<const int64_t> drawn) { return at(threshold, drawn); }, options);
}

}  // namespace vggt::eval
