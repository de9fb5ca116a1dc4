// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/depth_fit.h"

#include <algorithm>
#include <cmath>

#include "src/base/percentile.h"

namespace vggt::tracks {
namespace {

double relative_error(const DepthPair& pair, const DepthFit& fit) {
  return std::abs(fit.scale * pair.predicted + fit.shift - pair.known) / pair.known;
}

double median_error(const std::vector<DepthPair>& pairs, const DepthFit& fit) {
  std::vector<double> errors;
  for (const DepthPair& pair : pairs) errors.push_back(relative_error(pair, fit));
  return errors.empty() ? 0 : percentile(errors, 50);
}

}  // namespace

DepthFit fit_depth(const std::vector<DepthPair>& pairs, double least, double most) {
  DepthFit ratio;
  if (pairs.empty()) return ratio;
  std::vector<double> ratios;
  for (const DepthPair& pair : pairs) ratios.push_back(pair.known / pair.predicted);
  ratio.scale = percentile(ratios, 50);
  ratio.relative_error = median_error(pairs, ratio);
  constexpr size_t kFewest = 12;  // for two unknowns among outliers
  if (pairs.size() < kFewest) return ratio;

  DepthFit line = ratio;
  for (int step = 0; step < 30; ++step) {
    double w = 0;
    double wx = 0;
    double wy = 0;
    double wxx = 0;
    double wxy = 0;
    for (const DepthPair& pair : pairs) {
      // Squares weighted so are absolute values; the floor is where noise ends that matters.
      constexpr double kFloor = 1e-4;
      const double weight =
          1 / (pair.known * pair.known * std::max(kFloor, relative_error(pair, line)));
      w += weight;
      wx += weight * pair.predicted;
      wy += weight * pair.known;
      wxx += weight * pair.predicted * pair.predicted;
      wxy += weight * pair.predicted * pair.known;
    }
    const double spread = w * wxx - wx * wx;
    if (spread <= 1e-6 * w * wxx) return ratio;
    line.scale = (w * wxy - wx * wy) / spread;
    line.shift = (wy - line.scale * wx) / w;
  }
  line.relative_error = median_error(pairs, line);
  const double lowest = std::min(line.scale * least + line.shift, line.scale * most + line.shift);
  // Points rarely cover the whole range; a tenth of the plain scale is where a line has run wild.
  const bool sane = line.scale > 0 && lowest > 0.1 * ratio.scale * least;
  return sane && line.relative_error < ratio.relative_error ? line : ratio;
}

}  // namespace vggt::tracks
