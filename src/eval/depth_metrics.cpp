// SPDX-License-Identifier: Apache-2.0
#include "src/eval/depth_metrics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "src/eval/pose_metrics.h"

namespace vggt::eval {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double median_of(const at::Tensor& values) {
  const double* value = values.const_data_ptr<double>();
  return median({value, value + values.numel()});
}

double median_ratio(const at::Tensor& p, const at::Tensor& g) {
  const double middle = median_of(p);
  return middle != 0 ? median_of(g) / middle : 1;
}

double reweighted_scale(const at::Tensor& p, const at::Tensor& g) {
  constexpr int kSteps = 10;
  constexpr double kLeast = 1e-3;
  double scale = g.mean().item<double>() / p.mean().item<double>();
  for (int step = 0; step < kSteps; ++step) {
    const at::Tensor weight = 1 / ((scale * p - g).abs() + 1e-8);
    scale = (weight * p * g).sum().item<double>() / (weight * p * p).sum().item<double>();
    scale = std::max(scale, kLeast);
  }
  return scale;
}

// For a given scale the best shift is the median of what is left, so the sum of absolute values is
// a convex function of the scale alone; its slope tells on which side of the least one it is.
class LeastAbsolute {
 public:
  LeastAbsolute(const at::Tensor& p, const at::Tensor& g) : p_(p), g_(g) {}

  double shift(double scale) const { return median_of(g_ - scale * p_); }

  double slope(double scale) const {
    return (p_ * (scale * p_ + shift(scale) - g_).sign()).sum().item<double>();
  }

  DepthFit solve(double start) const {
    constexpr int kMostDoublings = 60;
    constexpr int kHalvings = 42;  // of a width of the order of the scale, to 1e-12 of it
    double width = std::max(std::abs(start), 1e-3) / 4;
    double low = start - width;
    double high = start + width;
    for (int i = 0; i < kMostDoublings && slope(low) > 0; ++i, width *= 2) low -= width;
    for (int i = 0; i < kMostDoublings && slope(high) < 0; ++i, width *= 2) high += width;
    for (int i = 0; i < kHalvings; ++i) {
      const double middle = (low + high) / 2;
      (slope(middle) < 0 ? low : high) = middle;
    }
    const double scale = (low + high) / 2;
    return {scale, shift(scale)};
  }

 private:
  const at::Tensor& p_;
  const at::Tensor& g_;
};

DepthFit least_squares(const at::Tensor& p, const at::Tensor& g) {
  const double mean_p = p.mean().item<double>();
  const double mean_g = g.mean().item<double>();
  const double variance = (p - mean_p).square().sum().item<double>();
  const double scale =
      variance > 0 ? ((p - mean_p) * (g - mean_g)).sum().item<double>() / variance : 0;
  return {scale, mean_g - scale * mean_p};
}

}  // namespace

DepthFit fit_depth(const at::Tensor& predicted, const at::Tensor& truth, DepthAlignment alignment) {
  TORCH_CHECK(predicted.sizes() == truth.sizes() && predicted.dim() == 1 && predicted.numel() > 0,
              "fit_depth: both must be [N], got ",
              predicted.sizes(),
              " and ",
              truth.sizes());
  const at::Tensor p = predicted.to(at::kDouble).contiguous();
  const at::Tensor g = truth.to(at::kDouble).contiguous();
  switch (alignment) {
    case DepthAlignment::kMetric:
      return {};
    case DepthAlignment::kMedian:
      return {median_ratio(p, g), 0};
    case DepthAlignment::kScale:
      return {reweighted_scale(p, g), 0};
    case DepthAlignment::kScaleShift:
      return LeastAbsolute(p, g).solve(median_ratio(p, g));
    case DepthAlignment::kLeastSquares:
      return least_squares(p, g);
  }
  TORCH_INTERNAL_ASSERT(false, "fit_depth: an alignment without code");
}

DepthScores score_depth(const at::Tensor& predicted,
                        const at::Tensor& truth,
                        const DepthOptions& options) {
  TORCH_CHECK(predicted.sizes() == truth.sizes(),
              "score_depth: shapes differ: ",
              predicted.sizes(),
              " and ",
              truth.sizes());
  at::Tensor valid = at::isfinite(truth) & (truth > 0) & at::isfinite(predicted);
  if (options.farthest > 0) valid = valid & (truth < options.farthest);
  const at::Tensor g = truth.masked_select(valid).to(at::kDouble);
  at::Tensor p = predicted.masked_select(valid).to(at::kDouble);
  DepthScores scores;
  scores.pixels = g.numel();
  if (scores.pixels == 0) return {0, kNaN, kNaN, kNaN, kNaN, {kNaN, kNaN, kNaN}};
  const DepthFit fit = fit_depth(p, g, options.alignment);
  p = fit.scale * p + fit.shift;

  const auto mean = [](const at::Tensor& values) {
    return values.to(at::kDouble).mean().item<double>();
  };
  const at::Tensor difference = p - g;
  scores.abs_rel = mean(difference.abs() / g);
  scores.sq_rel = mean(difference.square() / g);
  scores.rmse = std::sqrt(mean(difference.square()));
  scores.log_rmse = std::sqrt(mean((p.clamp_min(1e-5).log() - g.log()).square()));
  // A depth that is not positive after the fit is wrong by any factor.
  const at::Tensor ratio = at::where(p > 0, at::maximum(p / g, g / p), 1e9);
  for (int k = 0; k < 3; ++k) scores.delta[k] = mean(ratio < std::pow(1.25, k + 1));
  return scores;
}

DepthScores mean_of(std::span<const DepthScores> scores) {
  DepthScores mean;
  for (const DepthScores& each : scores) {
    if (each.pixels == 0) continue;
    const auto weight = static_cast<double>(each.pixels);
    mean.pixels += each.pixels;
    mean.abs_rel += weight * each.abs_rel;
    mean.sq_rel += weight * each.sq_rel;
    mean.rmse += weight * each.rmse;
    mean.log_rmse += weight * each.log_rmse;
    for (int k = 0; k < 3; ++k) mean.delta[k] += weight * each.delta[k];
  }
  const double weight = mean.pixels > 0 ? static_cast<double>(mean.pixels) : kNaN;
  mean.abs_rel /= weight;
  mean.sq_rel /= weight;
  mean.rmse /= weight;
  mean.log_rmse /= weight;
  for (double& share : mean.delta) share /= weight;
  return mean;
}

}  // namespace vggt::eval
