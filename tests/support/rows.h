// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace vggt::testing {

/// Names of the rows of a table of tests/golden/geometry/rows.json, by row.
inline std::vector<std::string> row_names(const std::string& table) {
  std::vector<std::string> names;
  const auto json = nlohmann::json::parse(std::ifstream("tests/golden/geometry/rows.json"));
  for (const auto& [name, rows] : json.at(table).items()) {
    const size_t first = rows.is_array() ? rows[0].get<size_t>() : rows.get<size_t>();
    const size_t last = rows.is_array() ? rows[1].get<size_t>() : first;
    if (names.size() <= last) names.resize(last + 1);
    for (size_t row = first; row <= last; ++row) {
      names[row] = name + (rows.is_array() ? " " + std::to_string(row - first) : "");
    }
  }
  return names;
}

/// Fails, naming the row, where a value differs by more than tolerance * max(1, |expected|). NaN
/// equals NaN only, infinity itself only. `actual` and `expected` are [names.size(), ...].
inline void expect_rows_near(const at::Tensor& actual,
                             const at::Tensor& expected,
                             const std::vector<std::string>& names,
                             double tolerance,
                             const std::vector<std::string>& left_out = {}) {
  ASSERT_EQ(actual.sizes(), expected.sizes());
  ASSERT_EQ(actual.scalar_type(), expected.scalar_type());
  ASSERT_EQ(actual.size(0), static_cast<int64_t>(names.size()));
  const at::Tensor got = actual.to(at::kDouble).flatten(1).contiguous();
  const at::Tensor want = expected.to(at::kDouble).flatten(1).contiguous();
  for (int64_t row = 0; row < got.size(0); ++row) {
    const std::string& name = names[static_cast<size_t>(row)];
    if (std::find(left_out.begin(), left_out.end(), name) != left_out.end()) continue;
    for (int64_t i = 0; i < got.size(1); ++i) {
      const double a = got[row][i].item<double>();
      const double b = want[row][i].item<double>();
      const bool same = a == b || (std::isnan(a) && std::isnan(b)) ||
                        std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b));
      EXPECT_TRUE(same) << "row '" << name << "', value " << i << ": " << a << ", expected " << b;
    }
  }
}

}  // namespace vggt::testing
