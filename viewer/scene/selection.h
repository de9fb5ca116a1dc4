// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "viewer/scene/scene.h"

namespace vggt::viewer {

/// What confidence a percentage stands for, in steps of a thousandth. Making one sorts all values;
/// asking takes no time, so that a slider may.
class ConfidenceTable {
 public:
  ConfidenceTable() = default;
  explicit ConfidenceTable(const std::vector<float>& confidence);

  /// The least confidence that is kept when `drop_percent` are dropped.
  float least(double drop_percent) const;

 private:
  std::vector<float> thousandths_;
};

/// Points to draw: indices in rising order.
struct Selection {
  std::vector<uint32_t> chosen;
  size_t passed = 0;  ///< how many pass the filter; more than chosen where the budget cuts
};

/// The points that pass, and where these are more than `budget` an even random part of them: the
/// same points for the same numbers, so that nothing flickers. `into` is used again, so that a
/// slider allocates nothing.
void select(const Points& points,
            const Filter& filter,
            const ConfidenceTable& confidences,
            size_t budget,
            Selection& into);

}  // namespace vggt::viewer
