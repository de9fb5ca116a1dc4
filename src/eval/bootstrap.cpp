// SPDX-License-Identifier: Apache-2.0
#include "src/eval/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "src/eval/draw.h"

namespace vggt::eval {
namespace {

// Groups within which sequences stand for each other.
std::vector<std::vector<int64_t>> groups_of(std::span<const std::string> category_of) {
  std::map<std::string, std::vector<int64_t>> by_category;
  for (size_t i = 0; i < category_of.size(); ++i) {
    by_category[category_of[i]].push_back(static_cast<int64_t>(i));
  }
  std::vector<std::vector<int64_t>> groups;
  std::vector<int64_t> all;
  for (auto& [category, members] : by_category) {
    all.insert(all.end(), members.begin(), members.end());
    groups.push_back(std::move(members));
  }
  if (groups.size() == all.size()) return {all};
  return groups;
}

// Linear between the sorted values, as numpy.percentile.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - std::floor(place)) * (sorted[above] - sorted[below]);
}

}  // namespace

Interval bootstrap(std::span<const std::string> category_of,
                   const Statistic& statistic,
                   const BootstrapOptions& options) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  if (category_of.size() < 2) return {kNaN, kNaN};
  const std::vector<std::vector<int64_t>> groups = groups_of(category_of);
  std::vector<double> values;
  std::vector<int64_t> drawn;
  for (int64_t replicate = 0; replicate < options.replicates; ++replicate) {
    drawn.clear();
    for (const std::vector<int64_t>& group : groups) {
      for (size_t i = 0; i < group.size(); ++i) {
        const uint64_t bits =
            random_bits(options.seed, static_cast<uint64_t>(replicate), drawn.size());
        // The high half times the size: no remainder that favours low numbers.
        drawn.push_back(group[((bits >> 32) * group.size()) >> 32]);
      }
    }
    const double value = statistic(drawn);
    if (!std::isnan(value)) values.push_back(value);
  }
  if (values.empty()) return {kNaN, kNaN};
  std::sort(values.begin(), values.end());
  const double tail = (1 - options.confidence) / 2;
  return {quantile(values, tail), quantile(values, 1 - tail)};
}

}  // namespace vggt::eval
