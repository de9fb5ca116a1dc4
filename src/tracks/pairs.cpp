// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/pairs.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <utility>

namespace vggt::tracks {
namespace {

constexpr double kWidest = 75 * std::numbers::pi / 180;  // SIFT finds nothing again beyond

double cosine(const std::array<double, 3>& u, const std::array<double, 3>& v) {
  const double dot = u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
  return dot / std::max(1e-300, std::hypot(u[0], u[1], u[2]) * std::hypot(v[0], v[1], v[2]));
}

std::array<double, 3> minus(const std::array<double, 3>& a, const std::array<double, 3>& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}

// The share of a's places that b has in sight.
double share_in_sight(const SeenPlaces& a, const SeenPlaces& b, double margin) {
  const auto from = ba::centre_in_world(a.cam_from_world);
  const auto to = ba::centre_in_world(b.cam_from_world);
  int64_t seen = 0;
  for (const auto& place : a.places) {
    const ba::Projection p = ba::project(b.lens, b.cam_from_world, place);
    seen += p.depth > 0 && p.x_px > -margin * b.width_px && p.x_px < (1 + margin) * b.width_px &&
            p.y_px > -margin * b.height_px && p.y_px < (1 + margin) * b.height_px &&
            cosine(minus(place, from), minus(place, to)) > std::cos(kWidest);
  }
  return static_cast<double>(seen) / static_cast<double>(a.places.size());
}

// 1 where both look in one direction, 0 where they are too far apart.
double same_direction(const SeenPlaces& a, const SeenPlaces& b) {
  const auto axis = [](const SeenPlaces& p) {
    const auto& r = p.cam_from_world.rotation;
    return std::array<double, 3>{r[6], r[7], r[8]};
  };
  const double angle = std::acos(std::clamp(cosine(axis(a), axis(b)), -1.0, 1.0));
  return std::max(0.0, 1 - angle / kWidest);
}

}  // namespace

std::vector<PhotoPair> choose_pairs(const std::vector<SeenPlaces>& photos,
                                    const PairOptions& options) {
  const size_t count = photos.size();
  std::vector<std::vector<double>> overlap(count, std::vector<double>(count));
  for (size_t a = 0; a < count; ++a) {
    for (size_t b = a + 1; b < count; ++b) {
      double share = 0;
      if (photos[a].places.empty() || photos[b].places.empty()) {
        share = same_direction(photos[a], photos[b]);
      } else {
        share = std::max(share_in_sight(photos[a], photos[b], options.margin),
                         share_in_sight(photos[b], photos[a], options.margin));
      }
      overlap[a][b] = overlap[b][a] = share;
    }
  }
  std::set<std::pair<size_t, size_t>> chosen;
  for (size_t a = 0; a < count; ++a) {
    std::vector<size_t> others;
    for (size_t b = 0; b < count; ++b) {
      if (b != a) others.push_back(b);
    }
    std::stable_sort(others.begin(), others.end(), [&](size_t x, size_t y) {
      return overlap[a][x] > overlap[a][y];
    });
    for (size_t k = 0; k < others.size() && k < static_cast<size_t>(options.most); ++k) {
      const size_t b = others[k];
      if (k >= static_cast<size_t>(options.least) && overlap[a][b] < options.min_overlap) break;
      chosen.emplace(std::min(a, b), std::max(a, b));
    }
  }
  std::vector<PhotoPair> pairs;
  for (const auto& [a, b] : chosen) {
    pairs.push_back({static_cast<int32_t>(a), static_cast<int32_t>(b), overlap[a][b]});
  }
  return pairs;
}

}  // namespace vggt::tracks
