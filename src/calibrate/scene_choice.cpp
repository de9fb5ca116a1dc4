// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/scene_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "src/base/error.h"
#include "src/base/mixed.h"

namespace vggt::calibrate {
namespace {

constexpr double kOutliers = 0.2;
constexpr size_t kClusters = 8;

// Squared distances from the mean in deviations, added up over the columns.
void add_scores(const std::vector<SceneTraits>& scenes,
                std::vector<double> SceneTraits::*field,
                std::vector<double>& scores) {
  const size_t columns = (scenes.front().*field).size();
  const auto count = static_cast<double>(scenes.size());
  for (size_t j = 0; j < columns; ++j) {
    double mean = 0;
    for (const SceneTraits& scene : scenes) mean += (scene.*field)[j] / count;
    double variance = 0;
    for (const SceneTraits& scene : scenes) {
      variance += std::pow((scene.*field)[j] - mean, 2) / count;
    }
    if (variance == 0) continue;
    for (size_t i = 0; i < scenes.size(); ++i) {
      scores[i] += std::pow((scenes[i].*field)[j] - mean, 2) / variance;
    }
  }
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += std::pow(a[i] - b[i], 2);
  return sum;
}

// The cluster of each; centres begin far from one another.
std::vector<size_t> clusters_of(const std::vector<std::vector<double>>& points, size_t clusters) {
  std::vector<std::vector<double>> centres = {points.front()};
  const auto nearest = [&](const std::vector<double>& point) {
    size_t best = 0;
    for (size_t c = 1; c < centres.size(); ++c) {
      if (distance(point, centres[c]) < distance(point, centres[best])) best = c;
    }
    return best;
  };
  while (centres.size() < clusters) {
    const auto farthest =
        std::max_element(points.begin(), points.end(), [&](const auto& a, const auto& b) {
          return distance(a, centres[nearest(a)]) < distance(b, centres[nearest(b)]);
        });
    centres.push_back(*farthest);
  }
  std::vector<size_t> of(points.size());
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < points.size(); ++i) of[i] = nearest(points[i]);
    for (size_t c = 0; c < centres.size(); ++c) {
      std::vector<double> mean(centres[c].size(), 0);
      double count = 0;
      for (size_t i = 0; i < points.size(); ++i) {
        if (of[i] != c) continue;
        for (size_t k = 0; k < mean.size(); ++k) mean[k] += points[i][k];
        ++count;
      }
      if (count == 0) continue;
      for (double& value : mean) value /= count;
      centres[c] = mean;
    }
  }
  return of;
}

void check(const std::vector<SceneTraits>& scenes) {
  for (size_t i = 0; i < scenes.size(); ++i) {
    for (const auto* values : {&scenes[i].means, &scenes[i].variances, &scenes[i].likeness}) {
      for (const double value : *values) {
        if (!std::isfinite(value)) {
          throw ConfigError(
              "images",
              "calibration scene " + std::to_string(i) + " gives NaN or infinity within the model");
        }
      }
    }
  }
}

}  // namespace

std::vector<size_t> choose_scenes(const std::vector<SceneTraits>& scenes,
                                  size_t wanted,
                                  uint64_t seed) {
  check(scenes);
  std::vector<size_t> kept(scenes.size());
  std::iota(kept.begin(), kept.end(), size_t{0});
  if (scenes.empty()) return kept;
  std::vector<double> scores(scenes.size(), 0);
  add_scores(scenes, &SceneTraits::means, scores);
  add_scores(scenes, &SceneTraits::variances, scores);
  std::stable_sort(
      kept.begin(), kept.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  kept.resize(kept.size() - static_cast<size_t>(kOutliers * static_cast<double>(kept.size())));
  std::sort(kept.begin(), kept.end());
  if (kept.size() <= wanted) return kept;

  std::vector<std::vector<double>> points;
  points.reserve(kept.size());
  for (const size_t i : kept) points.push_back(scenes[i].likeness);
  const std::vector<size_t> cluster = clusters_of(points, std::min(kClusters, wanted));
  // Each cluster in an order of its own; then one of each in turn.
  std::vector<std::vector<size_t>> members(kClusters);
  for (size_t i = 0; i < kept.size(); ++i) members[cluster[i]].push_back(kept[i]);
  for (std::vector<size_t>& list : members) {
    std::sort(list.begin(), list.end(), [&](size_t a, size_t b) {
      return mixed(mixed(seed) + a) < mixed(mixed(seed) + b);
    });
  }
  std::vector<size_t> chosen;
  for (size_t turn = 0; chosen.size() < wanted; ++turn) {
    for (const std::vector<size_t>& list : members) {
      if (turn < list.size() && chosen.size() < wanted) chosen.push_back(list[turn]);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace vggt::calibrate
