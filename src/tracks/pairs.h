// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "src/ba/problem.h"

namespace vggt::tracks {

/// A photo's camera, and some places that it is thought to show.
struct SeenPlaces {
  ba::Lens lens;
  Rigid cam_from_world;
  double width_px = 0;
  double height_px = 0;
  std::vector<std::array<double, 3>> places;  ///< world, such as from its depth map; may be empty
};

struct PairOptions {
  double margin = 0.25;       ///< how far outside a picture a place still counts, in its sides
  double min_overlap = 0.15;  ///< share of the places that must be in sight
  int64_t least = 4;          ///< so many best pairs of each photo are taken even below that
  int64_t most = 24;          ///< and no more than these of one photo's
};

struct PhotoPair {
  int32_t a = 0;
  int32_t b = 0;  ///< larger than a
  double overlap = 0;
};

/// Which photos may show the same, by what the cameras and depths predict: the share of a's places
/// that b has in sight, from no more than 75 degrees aside, and the other way round, the larger of
/// both. Photos without places are compared by the directions they look in. In order of a and b.
std::vector<PhotoPair> choose_pairs(const std::vector<SeenPlaces>& photos,
                                    const PairOptions& options = {});

}  // namespace vggt::tracks
