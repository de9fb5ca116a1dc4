// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "src/eval/bootstrap.h"
#include "src/eval/sequence_result.h"

namespace vggt::eval {

// Figures of one sequence; NaN where it has none.
/// Absolute trajectory error after Sim(3), divided by the extent of the true centres.
double ate_relative(const SequenceResult& result);
/// After one median scale, and the number of its pixels.
double abs_rel(const SequenceResult& result);
double depth_pixels(const SequenceResult& result);
double chamfer(const SequenceResult& result);

/// The mean of a figure over any choice of the sequences that have it; NaN where none has.
/// weight  of each in the mean; null: they are equal
Statistic mean_of_choice(std::span<const SequenceResult> results,
                         const std::function<double(const SequenceResult&)>& value,
                         const std::function<double(const SequenceResult&)>& weight = nullptr);

/// The AUC of any choice of sequences without going through their pairs again: a bootstrap asks a
/// thousand times.
class AucOfChoice {
 public:
  explicit AucOfChoice(std::span<const SequenceResult> results);

  /// Mean over categories of auc() at kThresholds_deg[threshold], of the sequences `drawn`, of
  /// which one may come twice. Where each sequence is a category of its own, so is each draw.
  double at(size_t threshold, std::span<const int64_t> drawn) const;

  /// Its interval. NaN of fewer than two sequences.
  Interval interval(size_t threshold, const BootstrapOptions& options) const;

  const std::vector<std::string>& categories() const { return category_of_; }

 private:
  std::vector<std::string> category_of_;
  std::vector<size_t> number_of_;  // of the category
  size_t count_ = 0;               // of categories
  std::vector<std::array<double, kThresholds_deg.size()>> sum_;
  std::vector<double> pairs_;
};

}  // namespace vggt::eval
