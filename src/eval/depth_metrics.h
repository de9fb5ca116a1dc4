// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

namespace vggt::eval {

/// How a predicted depth p is brought to the true one g before it is scored: scale * p + shift.
enum class DepthAlignment {
  kMetric,        ///< not at all
  kMedian,        ///< scale = median(g) / median(p)
  kScale,         ///< the scale with the least sum of |scale p - g|, by ten reweighted steps
  kScaleShift,    ///< scale and shift with the least sum of |scale p + shift - g|, solved exactly
  kLeastSquares,  ///< scale and shift with the least sum of squares
};

struct DepthFit {
  double scale = 1;
  double shift = 0;
};

/// predicted, truth  [N] each, of pixels that have both. kScale is the iteration of the published
/// scripts; kScaleShift a search to 1e-12 instead of their 1000 steps of Adam.
/// Throws c10::Error if the sizes differ or there is none.
DepthFit fit_depth(const at::Tensor& predicted, const at::Tensor& truth, DepthAlignment alignment);

struct DepthScores {
  int64_t pixels = 0;
  double abs_rel = 0;                ///< mean of |p - g| / g
  double sq_rel = 0;                 ///< mean of (p - g)^2 / g
  double rmse = 0;                   ///< in units of the truth
  double log_rmse = 0;               ///< of natural logarithms
  std::array<double, 3> delta = {};  ///< share with max(p / g, g / p) < 1.25^1, ^2, ^3
};

struct DepthOptions {
  DepthAlignment alignment = DepthAlignment::kMedian;
  double farthest = 0;  ///< true depths from there on do not count; 0: all do
};

/// predicted, truth  of one shape, any floating type; a pixel counts where the truth is finite,
/// above 0 and nearer than `farthest`, and the prediction is finite. One fit for all of them: give
/// an image for a monocular score, a whole scene for one of several views. Scores are NaN without
/// pixels.
DepthScores score_depth(const at::Tensor& predicted,
                        const at::Tensor& truth,
                        const DepthOptions& options);

/// The mean weighted by the number of pixels.
DepthScores mean_of(std::span<const DepthScores> scores);

}  // namespace vggt::eval
