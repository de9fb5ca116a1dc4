// SPDX-License-Identifier: Apache-2.0
#include "src/eval/scores_by_sequence.h"

#include <cmath>
#include <limits>
#include <map>

namespace vggt::eval {

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
  return filled > 0 ? total / filled : std::numeric_limits<double>::quiet_NaN();
}

Interval AucOfChoice::interval(size_t threshold, const BootstrapOptions& options) const {
  return bootstrap(
      category_of_, [&](std::span<const int64_t> drawn) { return at(threshold, drawn); }, options);
}

}  // namespace vggt::eval
