// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace vggt::testing {

inline const std::string kPreprocessGolden = "tests/golden/preprocess/";

/// expected.json of tests/golden/make_preprocess_golden.py.
inline const nlohmann::json& preprocess_golden() {
  static const nlohmann::json golden =
      nlohmann::json::parse(std::ifstream(kPreprocessGolden + "expected.json"));
  return golden;
}

inline std::string golden_image(const std::string& name) {
  return kPreprocessGolden + "images/" + name;
}

inline std::string fnv1a(const at::Tensor& bytes) {
  const at::Tensor contiguous = bytes.contiguous();
  uint64_t hash = 0xcbf29ce484222325;
  const uint8_t* data = contiguous.const_data_ptr<uint8_t>();
  for (int64_t i = 0; i < contiguous.numel(); ++i) hash = (hash ^ data[i]) * 0x100000001b3;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

/// uint8 `actual` has the recorded shape and bytes.
inline void expect_bytes(const at::Tensor& actual, const nlohmann::json& expected) {
  ASSERT_EQ(actual.sizes().vec(), expected["shape"].get<std::vector<int64_t>>());
  EXPECT_EQ(actual.sum().item<int64_t>(), expected["sum"].get<int64_t>());
  EXPECT_EQ(fnv1a(actual), expected["fnv1a"].get<std::string>());
}

}  // namespace vggt::testing
