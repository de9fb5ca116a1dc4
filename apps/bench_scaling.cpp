// SPDX-License-Identifier: Apache-2.0
#include "apps/bench_scaling.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;
using Points = std::vector<std::array<double, 2>>;

// Solves the symmetric system a x = b by elimination with pivots.
std::array<double, 3> solve(std::array<std::array<double, 4>, 3> a) {
  for (size_t k = 0; k < 3; ++k) {
    size_t pivot = k;
    for (size_t r = k + 1; r < 3; ++r) {
      if (std::abs(a[r][k]) > std::abs(a[pivot][k])) pivot = r;
    }
    std::swap(a[k], a[pivot]);
    for (size_t r = 0; r < 3; ++r) {
      if (r == k) continue;
      const double factor = a[r][k] / a[k][k];
      for (size_t c = k; c < 4; ++c) a[r][c] -= factor * a[k][c];
    }
  }
  return {a[0][3] / a[0][0], a[1][3] / a[1][1], a[2][3] / a[2][2]};
}

// Of the points' values.
double farthest(const Curve& curve, const Points& points) {
  double most = 0;
  for (const auto& [n, y] : points) most = std::max(most, std::abs(curve.at(n) / y - 1));
  return most;
}

Json to_json(const Curve& curve, const Points& points) {
  return {{"constant", curve.constant},
          {"linear", curve.linear},
          {"quadratic", curve.quadratic},
          {"farthest", farthest(curve, points)}};
}

}  // namespace

Curve fit_curve(const Points& points) {
  double largest = 0;
  for (const auto& [n, y] : points) largest = std::max(largest, n);
  std::array<std::array<double, 4>, 3> normal = {};
  for (const auto& [n, y] : points) {
    const double x = n / largest;  // of one order, so that the sums of powers are, too
    const std::array<double, 4> row = {1 / y, x / y, x * x / y, 1};
    for (size_t r = 0; r < 3; ++r) {
      for (size_t c = 0; c < 4; ++c) normal[r][c] += row[r] * row[c];
    }
  }
  const auto [constant, linear, quadratic] = solve(normal);
  return {constant, linear / largest, quadratic / (largest * largest)};
}

std::vector<Scaling> scaling_of(const std::vector<BenchResult>& results) {
  std::vector<Scaling> scalings;
  for (const BenchResult& result : results) {
    auto found = std::find_if(scalings.begin(), scalings.end(), [&](const Scaling& scaling) {
      return scaling.name == result.name && scaling.path == result.path;
    });
    if (found == scalings.end()) {
      scalings.push_back({result.name, result.path});
      found = scalings.end() - 1;
    }
    const auto frames = static_cast<double>(result.frames);
    found->seconds.push_back({frames, result.median_s});
    found->bytes.push_back({frames, static_cast<double>(result.peak_bytes)});
  }
  std::erase_if(scalings, [](const Scaling& scaling) {
    std::set<double> frames;
    for (const auto& [n, y] : scaling.seconds) frames.insert(n);
    return frames.size() < 3;
  });
  for (Scaling& scaling : scalings) {
    scaling.fitted_seconds = fit_curve(scaling.seconds);
    scaling.fitted_bytes = fit_curve(scaling.bytes);
  }
  return scalings;
}

std::string table_of_scaling(const std::vector<Scaling>& scalings) {
  std::vector<std::vector<std::string>> rows;
  for (const Scaling& s : scalings) {
    constexpr double kMega = 1e-6;
    rows.push_back({s.name,
                    s.path,
                    short_number(s.fitted_seconds.constant),
                    short_number(s.fitted_seconds.linear),
                    short_number(s.fitted_seconds.quadratic),
                    short_number(100 * farthest(s.fitted_seconds, s.seconds)) + " %",
                    short_number(s.fitted_bytes.constant * kMega),
                    short_number(s.fitted_bytes.linear * kMega),
                    short_number(s.fitted_bytes.quadratic * kMega),
                    short_number(100 * farthest(s.fitted_bytes, s.bytes)) + " %"});
  }
  return markdown({"name",
                   "path",
                   "s",
                   "s / frame",
                   "s / frame^2",
                   "farthest",
                   "MB",
                   "MB / frame",
                   "MB / frame^2",
                   "farthest"},
                  rows);
}

Json to_json(const Scaling& scaling) {
  return {{"name", scaling.name},
          {"path", scaling.path},
          {"seconds", to_json(scaling.fitted_seconds, scaling.seconds)},
          {"bytes", to_json(scaling.fitted_bytes, scaling.bytes)}};
}

}  // namespace vggt::apps
