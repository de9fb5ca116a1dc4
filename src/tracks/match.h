// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "src/ba/problem.h"
#include "src/tracks/features.h"

namespace vggt::tracks {

/// Feature `a` of one photo and `b` of another that show the same place.
struct Match {
  int32_t a = 0;
  int32_t b = 0;
  float ratio = 0;  ///< of the distances to the nearest and to the second nearest descriptor
};

/// Row-major: b^T F a = 0 for pixels (x, y, 1) of both photos.
using Fundamental = std::array<double, 9>;

/// Of two cameras. Nothing where they stand in one place, or a lens distorts: then there are no
/// straight lines to search along.
std::optional<Fundamental> fundamental_of(const ba::Lens& lens_a,
                                          const Rigid& a_from_world,
                                          const ba::Lens& lens_b,
                                          const Rigid& b_from_world);

struct MatchOptions {
  double max_ratio = 0.8;      ///< a second nearest descriptor nearly as near makes a match unsure
  double max_distance = 0.7;   ///< between descriptors of length one
  double guide_deg = 6;        ///< what predicted cameras may be off: width of the band searched
  double max_error_px = 3;     ///< of a verified match, from its epipolar line
  int64_t min_matches = 15;    ///< a pair with fewer verified matches has none
  double min_verified = 0.25;  ///< share of the matches that must be verified, for the same
};

/// Matches that are each other's nearest, among those within `band_px` of each other's epipolar
/// lines by `guide` (nothing: among all), and pass the ratio test, against what lies in the band.
std::vector<Match> match_features(const Features& a,
                                  const Features& b,
                                  const std::optional<Fundamental>& guide,
                                  double band_px,
                                  const MatchOptions& options);

/// The matches that one fundamental matrix explains, found by MAGSAC++, and with it a second search
/// along its narrow band; empty if too few are left. The same input gives the same matches.
/// Barath et al., "MAGSAC++, a fast, reliable and accurate robust estimator", CVPR 2020.
std::vector<Match> verify_matches(const Features& a,
                                  const Features& b,
                                  const std::vector<Match>& matches,
                                  const MatchOptions& options);

}  // namespace vggt::tracks
