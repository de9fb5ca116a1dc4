// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace vggt::tracks {

/// Predicted depth of one photo against that of points whose place is known better.
struct DepthPair {
  double predicted = 0;  ///< positive
  double known = 0;      ///< positive
};

/// known = scale * predicted + shift.
struct DepthFit {
  double scale = 1;
  double shift = 0;
  double relative_error = 0;  ///< median of |scale * predicted + shift - known| / known
};

/// The fit of least absolute relative error, found by weights that fall with the error. Where the
/// line would bring a depth in [least, most] to zero or below, or from few or equal depths, only the
/// scale is fitted, by the median of the ratios; without pairs it is 1.
///
/// least, most  range of the depths that will be changed by it
DepthFit fit_depth(const std::vector<DepthPair>& pairs, double least, double most);

}  // namespace vggt::tracks
