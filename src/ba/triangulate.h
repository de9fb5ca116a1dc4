// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "src/ba/problem.h"

namespace vggt::ba {

struct TriangulateOptions {
  double max_error_px = 4;     ///< observations beyond it are left out of their point
  double min_angle_deg = 1.5;  ///< between two of a point's rays, else its depth is a guess
};

/// Places points where their observations' rays meet: the place of least squared angles to the
/// rays, found anew without the worst observation while that one is beyond `max_error_px`.
///
/// Returns one per observation of `problem`: 1 where it agrees with its point. A point with fewer
/// than two of them, or whose rays are too parallel, has none and keeps its place.
std::vector<uint8_t> triangulate(Problem& problem, const TriangulateOptions& options);

/// As triangulate(), with the points where they are: which observations agree with them, of points
/// that have two such and an angle large enough.
std::vector<uint8_t> agreeing(const Problem& problem, const TriangulateOptions& options);

}  // namespace vggt::ba
