// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace vggt {

/// The value of rank floor(percent / 100 * (n - 1)) of n > 0 values, 0 <= percent <= 100. By
/// selection, in linear time, which reorders `values`.
template <class T>
T percentile(std::vector<T>& values, double percent) {
  const auto rank =
      static_cast<std::ptrdiff_t>(percent / 100 * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<size_t>(rank)];
}

}  // namespace vggt
