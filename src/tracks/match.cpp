// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/match.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <opencv2/calib3d.hpp>
#include <opencv2/core.hpp>

#include "src/base/error.h"

namespace vggt::tracks {
namespace {

using Line = std::array<double, 3>;

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
// The loop is most of the work of matching, and eight times as wide where the CPU has AVX2.
__attribute__((target_clones("avx2", "default")))
#endif
int32_t
dot(const uint8_t* a, const uint8_t* b) {
  int32_t sum = 0;
  for (int k = 0; k < kDescriptorSize; ++k) {
    sum += static_cast<int32_t>(a[k]) * static_cast<int32_t>(b[k]);
  }
  return sum;
}

Line line_of(const Fundamental& f, const Keypoint& p) {
  return {f[0] * p.x_px + f[1] * p.y_px + f[2],
          f[3] * p.x_px + f[4] * p.y_px + f[5],
          f[6] * p.x_px + f[7] * p.y_px + f[8]};
}

Fundamental transposed(const Fundamental& f) {
  return {f[0], f[3], f[6], f[1], f[4], f[7], f[2], f[5], f[8]};
}

double squared(double x) { return x * x; }

// The nearest and second nearest so far.
struct Nearest {
  int32_t best = -1;
  int32_t best_dot = -1;
  int32_t second_dot = -1;

  void take(int32_t index, int32_t product) {
    if (product > best_dot) {
      second_dot = best_dot;
      best_dot = product;
      best = index;
    } else if (product > second_dot) {
      second_dot = product;
    }
  }
};

// Between descriptors of length one.
double distance(int32_t product, double length_a, double length_b) {
  return std::sqrt(std::max(0.0, 2 - 2 * product / (length_a * length_b)));
}

std::vector<double> lengths_of(const Features& features) {
  std::vector<double> lengths;
  for (int64_t i = 0; i < features.size(); ++i) {
    const uint8_t* const d = &features.descriptors[i * kDescriptorSize];
    lengths.push_back(std::sqrt(std::max(1, dot(d, d))));
  }
  return lengths;
}

}  // namespace

std::optional<Fundamental> fundamental_of(const ba::Lens& lens_a,
                                          const Rigid& a_from_world,
                                          const ba::Lens& lens_b,
                                          const Rigid& b_from_world) {
  for (const ba::Lens* lens : {&lens_a, &lens_b}) {
    if (lens->k1 != 0 || lens->k2 != 0) return std::nullopt;
  }
  const Rigid b_from_a = b_from_world * inverse(a_from_world);
  const auto& t = b_from_a.translation;
  if (std::hypot(t[0], t[1], t[2]) < 1e-9) return std::nullopt;
  const std::array<double, 9> cross = {0, -t[2], t[1], t[2], 0, -t[0], -t[1], t[0], 0};
  // K^-1 = [1/fx 0 -cx/fx; 0 1/fy -cy/fy; 0 0 1]
  const auto inverse_k = [](const ba::Lens& lens) {
    return std::array<double, 9>{1 / lens.fx_px,
                                 0,
                                 -lens.cx_px / lens.fx_px,
                                 0,
                                 1 / lens.fy_px,
                                 -lens.cy_px / lens.fy_px,
                                 0,
                                 0,
                                 1};
  };
  const auto product = [](const std::array<double, 9>& x, const std::array<double, 9>& y) {
    return (Rigid{x, {0, 0, 0}} * Rigid{y, {0, 0, 0}}).rotation;
  };
  return product(transposed(inverse_k(lens_b)),
                 product(product(cross, b_from_a.rotation), inverse_k(lens_a)));
}

std::vector<Match> match_features(const Features& a,
                                  const Features& b,
                                  const std::optional<Fundamental>& guide,
                                  double band_px,
                                  const MatchOptions& options) {
  const auto count_a = static_cast<size_t>(a.size());
  const auto count_b = static_cast<size_t>(b.size());
  std::vector<Nearest> of_a(count_a);
  std::vector<Nearest> of_b(count_b);
  std::vector<double> width_b(count_b);  // squared lengths of the lines' normals
  if (guide) {
    const Fundamental back = transposed(*guide);
    for (size_t j = 0; j < count_b; ++j) {
      const Line line = line_of(back, b.keypoints[j]);
      width_b[j] = squared(line[0]) + squared(line[1]);
    }
  }
  for (size_t i = 0; i < count_a; ++i) {
    const Line line = guide ? line_of(*guide, a.keypoints[i]) : Line{};
    const double width_a = squared(line[0]) + squared(line[1]);
    for (size_t j = 0; j < count_b; ++j) {
      if (guide) {
        // Sampson's distance: how far both must move to meet the geometry.
        const double off = line[0] * b.keypoints[j].x_px + line[1] * b.keypoints[j].y_px + line[2];
        if (off * off > squared(band_px) * (width_a + width_b[j])) continue;
      }
      const int32_t product =
          dot(&a.descriptors[i * kDescriptorSize], &b.descriptors[j * kDescriptorSize]);
      of_a[i].take(static_cast<int32_t>(j), product);
      of_b[j].take(static_cast<int32_t>(i), product);
    }
  }
  const std::vector<double> lengths_a = lengths_of(a);
  const std::vector<double> lengths_b = lengths_of(b);
  std::vector<Match> matches;
  for (size_t i = 0; i < count_a; ++i) {
    const Nearest& nearest = of_a[i];
    if (nearest.best < 0) continue;
    const auto j = static_cast<size_t>(nearest.best);
    if (of_b[j].best != static_cast<int32_t>(i)) continue;
    const double best = distance(nearest.best_dot, lengths_a[i], lengths_b[j]);
    if (best > options.max_distance) continue;
    // Where the band holds no second one, there is none to confuse it with.
    const int32_t second_dot = std::max(nearest.second_dot, of_b[j].second_dot);
    double ratio = 0;
    if (second_dot >= 0) {
      const double second = distance(second_dot, lengths_a[i], lengths_b[j]);
      ratio = second > best ? best / second : 1;
    }
    if (ratio > options.max_ratio) continue;
    matches.push_back({static_cast<int32_t>(i), nearest.best, static_cast<float>(ratio)});
  }
  return matches;
}

std::vector<Match> verify_matches(const Features& a,
                                  const Features& b,
                                  const std::vector<Match>& matches,
                                  const MatchOptions& options) {
  const auto fewest = static_cast<size_t>(options.min_matches);
  if (matches.size() < fewest) return {};
  std::vector<cv::Point2d> in_a;
  std::vector<cv::Point2d> in_b;
  for (const Match& match : matches) {
    in_a.emplace_back(a.keypoints[match.a].x_px, a.keypoints[match.a].y_px);
    in_b.emplace_back(b.keypoints[match.b].x_px, b.keypoints[match.b].y_px);
  }
  constexpr double kConfidence = 0.9999;
  constexpr int kMostTrials = 10000;
  std::vector<uint8_t> inlier;
  cv::Mat found;
  try {
    found = cv::findFundamentalMat(
        in_a, in_b, cv::USAC_MAGSAC, options.max_error_px / 2, kConfidence, kMostTrials, inlier);
  } catch (const cv::Exception&) {
    return {};  // it dislikes some degenerate sets
  }
  if (found.rows != 3 || found.cols != 3 || inlier.size() != matches.size()) return {};
  const auto verified = static_cast<size_t>(
      std::count_if(inlier.begin(), inlier.end(), [](uint8_t v) { return v != 0; }));
  if (verified < fewest ||
      static_cast<double>(verified) < options.min_verified * static_cast<double>(matches.size())) {
    return {};
  }
  Fundamental fundamental;
  for (int k = 0; k < 9; ++k) fundamental[k] = found.at<double>(k / 3, k % 3);
  // Few can be confused in a narrow band, so a weaker ratio will do.
  MatchOptions second = options;
  second.max_ratio = (1 + options.max_ratio) / 2;
  std::vector<Match> along = match_features(a, b, fundamental, options.max_error_px / 2, second);
  return along.size() >= verified ? along : [&] {
    std::vector<Match> kept;
    for (size_t i = 0; i < matches.size(); ++i) {
      if (inlier[i]) kept.push_back(matches[i]);
    }
    return kept;
  }();
}

}  // namespace vggt::tracks
