// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/selection.h"

#include "src/base/mixed.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vggt::viewer {

ConfidenceTable::ConfidenceTable(const std::vector<float>& confidence) {
  if (confidence.empty()) return;
  std::vector<float> sorted;
  sorted.reserve(confidence.size());
  for (float value : confidence) {
    if (std::isfinite(value)) sorted.push_back(value);
  }
  if (sorted.empty()) return;
  std::sort(sorted.begin(), sorted.end());
  constexpr size_t kSteps = 1000;
  for (size_t k = 0; k <= kSteps; ++k) {
    thousandths_.push_back(sorted[k * (sorted.size() - 1) / kSteps]);
  }
}

float ConfidenceTable::least(double drop_percent) const {
  if (thousandths_.empty() || !(drop_percent > 0)) return -std::numeric_limits<float>::infinity();
  const double place = std::min(drop_percent, 100.0) / 100 * (thousandths_.size() - 1.0);
  return thousandths_[static_cast<size_t>(std::lround(place))];
}

void select(const Points& points,
            const Filter& filter,
            const ConfidenceTable& confidences,
            size_t budget,
            Selection& into) {
  const size_t n = points.size();
  const float least = confidences.least(filter.drop_percent);
  const float* confidence =
      points.confidence.empty() || !(filter.drop_percent > 0) ? nullptr : points.confidence.data();
  const float edge_ratio = static_cast<float>(filter.edge_ratio);
  const float* edge = points.edge.empty() || !(edge_ratio > 0) ? nullptr : points.edge.data();
  const int32_t* frame = points.frame.empty() ? nullptr : points.frame.data();
  bool crops = false;
  for (int c = 0; c < 3; ++c) {
    crops |= std::isfinite(filter.crop_low[c]) || std::isfinite(filter.crop_high[c]);
  }
  const auto passes = [&](size_t i) {
    bool pass = !confidence || confidence[i] >= least;
    pass &= !edge || edge[i] <= edge_ratio;
    pass &= !frame || frame[i] <= filter.last_frame;
    if (crops) {
      for (int c = 0; c < 3; ++c) {
        const float x = points.position[i][c];
        pass &= x >= filter.crop_low[c] && x <= filter.crop_high[c];
      }
    }
    return pass;
  };
  // Written without a branch: which points pass is as good as random to the processor.
  into.chosen.resize(n);
  size_t count = 0;
  for (size_t i = 0; i < n; ++i) {
    into.chosen[count] = static_cast<uint32_t>(i);
    count += passes(i) ? 1 : 0;
  }
  into.passed = count;
  if (count > budget) {
    const double share = static_cast<double>(budget) / static_cast<double>(count);
    const auto limit = static_cast<uint64_t>(share * 4294967296.0);
    size_t kept = 0;
    for (size_t k = 0; k < count && kept < budget; ++k) {
      const uint32_t i = into.chosen[k];
      into.chosen[kept] = i;
      kept += (mixed(i) >> 32) < limit ? 1 : 0;
    }
    count = kept;
  }
  into.chosen.resize(count);
}

}  // namespace vggt::viewer
