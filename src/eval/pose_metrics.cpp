// SPDX-License-Identifier: Apache-2.0
#include "src/eval/pose_metrics.h"

#include "src/geometry/rigid.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace vggt::eval {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kDegrees = 180 / std::numbers::pi;

double length(const std::array<double, 3>& v) {
  return std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

double rotation_error_deg(const Rigid& predicted, const Rigid& truth) {
  const double error = rotation_angle((inverse(truth) * predicted).rotation) * kDegrees;
  return std::isfinite(error) ? error : kFailed_deg;
}

// The published formula with its two guards, which set a floor of about 2e-6 degrees.
double translation_error_deg(const std::array<double, 3>& predicted,
                             const std::array<double, 3>& truth) {
  constexpr double kGuard = 1e-15;
  const double lengths = (length(predicted) + kGuard) * (length(truth) + kGuard);
  double cosine = 0;
  for (int k = 0; k < 3; ++k) cosine += predicted[k] * truth[k] / lengths;
  // std::max would turn NaN into the guard.
  double sine_squared = 1 - cosine * cosine;
  if (sine_squared < kGuard) sine_squared = kGuard;
  const double error = std::acos(std::sqrt(1 - sine_squared)) * kDegrees;
  return std::isfinite(error) ? std::min(error, std::abs(180 - error)) : kFailed_deg;
}

// Of each pair whether the true cameras stand in one place.
std::vector<bool> without_baseline(std::span<const Camera> truth, const PairOptions& options) {
  std::vector<double> baselines;
  for (size_t i = 0; i < truth.size(); ++i) {
    for (size_t j = i + 1; j < truth.size(); ++j) {
      const Rigid relative = cam_from_world(truth[i]) * inverse(cam_from_world(truth[j]));
      baselines.push_back(length(relative.translation));
    }
  }
  std::vector<bool> without(baselines.size(), false);
  if (!options.find_degenerate || baselines.empty()) return without;
  constexpr double kShare = 1e-3;
  constexpr double kNothing = 1e-9;  // scenes of pure rotation have no baseline to compare with
  const double least = std::max(kShare * median(baselines), kNothing);
  for (size_t k = 0; k < without.size(); ++k) without[k] = baselines[k] < least;
  return without;
}

// A middle that lies among failed pairs, or between them and the others, is no angle.
double median_angle(std::vector<double> angles_deg) {
  constexpr double kLargest_deg = 180;
  const double middle = median(std::move(angles_deg));
  return middle > kLargest_deg ? std::numeric_limits<double>::infinity() : middle;
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return kNaN;
  const size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(middle), values.end());
  const double upper = values[middle];
  if (values.size() % 2 == 1) return upper;
  return (*std::max_element(values.begin(), values.begin() + static_cast<int64_t>(middle)) +
          upper) /
         2;
}

std::vector<PairError> pair_errors(std::span<const Camera> predicted,
                                   std::span<const Camera> truth,
                                   const PairOptions& options) {
  TORCH_CHECK(predicted.size() == truth.size(),
              "pair_errors: ",
              predicted.size(),
              " predicted and ",
              truth.size(),
              " true cameras");
  std::vector<PairError> errors;
  for (size_t i = 0; i < truth.size(); ++i) {
    for (size_t j = i + 1; j < truth.size(); ++j) {
      const Rigid p = cam_from_world(predicted[i]) * inverse(cam_from_world(predicted[j]));
      const Rigid g = cam_from_world(truth[i]) * inverse(cam_from_world(truth[j]));
      errors.push_back(
          {rotation_error_deg(p, g), translation_error_deg(p.translation, g.translation)});
    }
  }
  const std::vector<bool> degenerate = without_baseline(truth, options);
  for (size_t k = 0; k < errors.size(); ++k) errors[k].degenerate = degenerate[k];
  return errors;
}

std::vector<PairError> failed_pairs(std::span<const Camera> truth, const PairOptions& options) {
  std::vector<PairError> errors;
  for (const bool degenerate : without_baseline(truth, options)) {
    errors.push_back({kFailed_deg, kFailed_deg, degenerate});
  }
  return errors;
}

double recall(std::span<const double> errors, double threshold) {
  if (errors.empty()) return kNaN;
  const auto below =
      std::count_if(errors.begin(), errors.end(), [&](double e) { return e < threshold; });
  return static_cast<double>(below) / static_cast<double>(errors.size());
}

double auc(std::span<const double> errors_deg, int64_t threshold_deg) {
  TORCH_CHECK(threshold_deg > 0, "auc: the threshold must be positive, got ", threshold_deg);
  if (errors_deg.empty()) return kNaN;
  const auto limit = static_cast<double>(threshold_deg);
  double sum = 0;
  for (const double error : errors_deg) {
    if (!(error <= limit)) continue;
    sum += limit - std::min(std::floor(error), limit - 1);
  }
  return sum / limit / static_cast<double>(errors_deg.size());
}

double exact_auc(std::span<const double> errors_deg, double threshold_deg) {
  if (errors_deg.empty()) return kNaN;
  double sum = 0;
  for (const double error : errors_deg) {
    if (error < threshold_deg) sum += 1 - error / threshold_deg;
  }
  return sum / static_cast<double>(errors_deg.size());
}

double trapezoid_auc(std::span<const double> errors_deg, double threshold_deg) {
  if (errors_deg.empty()) return kNaN;
  std::vector<double> sorted(errors_deg.begin(), errors_deg.end());
  std::sort(sorted.begin(), sorted.end());
  double area = 0;
  double error = 0;
  double share = 0;
  const auto count = static_cast<double>(sorted.size());
  for (size_t i = 0; i < sorted.size() && sorted[i] < threshold_deg; ++i) {
    const double next = static_cast<double>(i + 1) / count;
    area += (sorted[i] - error) * (share + next) / 2;
    error = sorted[i];
    share = next;
  }
  return (area + (threshold_deg - error) * share) / threshold_deg;
}

PoseScores score_pairs(std::span<const PairError> pairs) {
  std::vector<double> rotation;
  std::vector<double> translation;
  std::vector<double> larger;
  for (const PairError& pair : pairs) {
    rotation.push_back(pair.rotation_deg);
    if (pair.degenerate) continue;
    translation.push_back(pair.translation_deg);
    larger.push_back(std::max(pair.rotation_deg, pair.translation_deg));
  }
  PoseScores scores;
  scores.pairs = static_cast<int64_t>(rotation.size());
  scores.degenerate = static_cast<int64_t>(rotation.size() - larger.size());
  for (size_t t = 0; t < kThresholds_deg.size(); ++t) {
    const auto threshold = static_cast<double>(kThresholds_deg[t]);
    scores.rra[t] = recall(rotation, threshold);
    scores.rta[t] = recall(translation, threshold);
    scores.auc[t] = auc(larger, kThresholds_deg[t]);
    scores.exact_auc[t] = exact_auc(larger, threshold);
  }
  for (size_t t = 0; t < kAreaThresholds_deg.size(); ++t) {
    scores.trapezoid_auc[t] = trapezoid_auc(larger, static_cast<double>(kAreaThresholds_deg[t]));
  }
  scores.median_rotation_deg = median_angle(rotation);
  scores.median_translation_deg = median_angle(translation);
  return scores;
}

PoseScores mean_of(std::span<const PoseScores> scores) {
  PoseScores mean;
  for (const PoseScores& each : scores) {
    mean.pairs += each.pairs;
    mean.degenerate += each.degenerate;
  }
  const auto mean_over = [&](auto value) {
    double sum = 0;
    int64_t count = 0;
    for (const PoseScores& each : scores) {
      if (std::isnan(value(each))) continue;
      sum += value(each);
      ++count;
    }
    return count > 0 ? sum / static_cast<double>(count) : kNaN;
  };
  for (size_t t = 0; t < kThresholds_deg.size(); ++t) {
    mean.rra[t] = mean_over([t](const PoseScores& s) { return s.rra[t]; });
    mean.rta[t] = mean_over([t](const PoseScores& s) { return s.rta[t]; });
    mean.auc[t] = mean_over([t](const PoseScores& s) { return s.auc[t]; });
    mean.exact_auc[t] = mean_over([t](const PoseScores& s) { return s.exact_auc[t]; });
  }
  for (size_t t = 0; t < kAreaThresholds_deg.size(); ++t) {
    mean.trapezoid_auc[t] = mean_over([t](const PoseScores& s) { return s.trapezoid_auc[t]; });
  }
  mean.median_rotation_deg = mean_over([](const PoseScores& s) { return s.median_rotation_deg; });
  mean.median_translation_deg =
      mean_over([](const PoseScores& s) { return s.median_translation_deg; });
  return mean;
}

PooledScores pool(std::span<const SequencePairs> sequences) {
  PooledScores result;
  std::vector<std::vector<PairError>> by_category;
  std::vector<PairError> all;
  for (const SequencePairs& sequence : sequences) {
    size_t k = 0;
    while (k < result.categories.size() && result.categories[k].category != sequence.category) ++k;
    if (k == result.categories.size()) {
      result.categories.push_back({sequence.category});
      by_category.emplace_back();
    }
    ++result.categories[k].sequences;
    by_category[k].insert(by_category[k].end(), sequence.pairs.begin(), sequence.pairs.end());
    all.insert(all.end(), sequence.pairs.begin(), sequence.pairs.end());
  }
  std::vector<PoseScores> scores;
  for (size_t k = 0; k < by_category.size(); ++k) {
    result.categories[k].scores = score_pairs(by_category[k]);
    scores.push_back(result.categories[k].scores);
  }
  result.mean = mean_of(scores);
  result.pooled = score_pairs(all);
  return result;
}

}  // namespace vggt::eval
