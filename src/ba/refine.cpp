// SPDX-License-Identifier: Apache-2.0
#include "src/ba/refine.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/ba/triangulate.h"
#include "src/base/percentile.h"

namespace vggt::ba {
namespace {

constexpr double kAnyError = std::numeric_limits<double>::max();

int64_t count(const std::vector<uint8_t>& active) {
  return std::count(active.begin(), active.end(), uint8_t{1});
}

double median_error(const Problem& problem, const std::vector<uint8_t>& active) {
  std::vector<double> errors;
  for (size_t i = 0; i < active.size(); ++i) {
    if (!active[i]) continue;
    const double error = error_px(problem, problem.observations[i]);
    if (std::isfinite(error)) errors.push_back(error);
  }
  return errors.empty() ? 0 : percentile(errors, 50);
}

}  // namespace

Quality measure(const Problem& problem, const std::vector<uint8_t>& active, double outlier_px) {
  Quality quality;
  std::vector<double> errors;
  std::vector<uint8_t> seen(problem.points.size());
  for (size_t i = 0; i < problem.observations.size(); ++i) {
    const double error = active[i] ? error_px(problem, problem.observations[i]) : kAnyError;
    if (!(error <= outlier_px)) {
      quality.cost += outlier_px * outlier_px / 2;
      continue;
    }
    quality.cost += error * error / 2;
    quality.mean_px += error;
    errors.push_back(error);
    seen[problem.observations[i].point] = 1;
  }
  quality.observations = static_cast<int64_t>(errors.size());
  quality.points = count(seen);
  if (errors.empty()) return quality;
  quality.mean_px /= static_cast<double>(errors.size());
  quality.median_px = percentile(errors, 50);
  return quality;
}

Refined refine(Problem problem, const RefineOptions& options) {
  check(problem);
  const TriangulateOptions strict = {options.outlier_px, options.min_angle_deg};
  Refined start;
  start.problem = std::move(problem);
  Refined now;
  now.problem = start.problem;
  // First whatever lies in front of two cameras: how far are they off?
  now.active = triangulate(now.problem, {kAnyError, options.min_angle_deg});
  start.active = triangulate(start.problem, strict);
  RefineReport& report = now.report;
  report.before = measure(start.problem, start.active, options.outlier_px);

  StageProgress stage(
      "bundle adjustment", int64_t{options.max_rounds}, options.progress, options.seconds);
  AdjustOptions adjust_options = {.max_iterations = options.max_iterations,
                                  .threads = options.threads,
                                  .solver = options.solver,
                                  .stage = &stage};
  double limit_px = kAnyError;
  while (report.rounds < std::max(options.max_rounds, 2)) {
    const double median_px = median_error(now.problem, now.active);
    // Errors of pixels are the cameras', not the observations'.
    adjust_options.loss_px = median_px > 1 ? std::max(median_px, options.loss_px) : options.loss_px;
    const int64_t active = count(now.active);
    if (active == 0) break;
    const AdjustReport round = adjust(now.problem, now.active, adjust_options);
    ++report.rounds;
    stage.advance();
    report.iterations += round.iterations;
    report.converged = round.converged;
    report.solver = round.solver;
    report.unmoved = round.unmoved;
    report.components = round.components;

    const bool last = limit_px <= options.outlier_px && adjust_options.loss_px <= options.loss_px;
    // A few times the median error holds nearly all that is no outlier.
    limit_px = std::max(options.outlier_px, 4 * median_error(now.problem, now.active));
    if (last) {
      now.active = agreeing(now.problem, strict);
      constexpr double kSettled = 0.005;
      const auto change = static_cast<double>(std::abs(count(now.active) - active));
      if (report.rounds >= 2 && change <= kSettled * static_cast<double>(active)) break;
    }
    now.active = triangulate(now.problem, {limit_px, options.min_angle_deg});
  }
  now.active = agreeing(now.problem, strict);
  report.after = measure(now.problem, now.active, options.outlier_px);
  report.improved = report.after.cost < report.before.cost;
  if (report.improved) return now;
  start.report = report;
  start.report.after = report.before;
  return start;
}

}  // namespace vggt::ba
