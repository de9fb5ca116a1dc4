// SPDX-License-Identifier: Apache-2.0
#include "src/weights/synthetic.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <bit>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/weights/manifest.h"

namespace vggt {
namespace {

using Json = nlohmann::json;

Json golden_json(const std::string& name) {
  return Json::parse(std::ifstream("tests/golden/weight_rule/" + name));
}

uint64_t from_hex(const Json& text) { return std::stoull(text.get<std::string>(), nullptr, 16); }

uint32_t bits(const at::Tensor& tensor, int64_t index) {
  return std::bit_cast<uint32_t>(tensor.const_data_ptr<float>()[index]);
}

TEST(SyntheticParameter, HasTheRulesBits) {
  const Json keys = golden_json("vectors.json").at("keys");
  EXPECT_EQ(keys.size(), 34u);
  for (const auto& [key, expected] : keys.items()) {
    const auto shape = expected.at("shape").get<std::vector<int64_t>>();
    const at::Tensor zero = synthetic_parameter(key, shape, 0);
    const at::Tensor one = synthetic_parameter(key, shape, 1);
    ASSERT_EQ(zero.sizes(), shape) << key;
    ASSERT_EQ(zero.scalar_type(), at::kFloat) << key;
    const Json& first = expected.at("seed0_first_bits");
    for (size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(bits(zero, static_cast<int64_t>(i)), from_hex(first[i])) << key << " " << i;
    }
    const Json& other = expected.at("seed1_first4_bits");
    for (size_t i = 0; i < other.size(); ++i) {
      EXPECT_EQ(bits(one, static_cast<int64_t>(i)), from_hex(other[i])) << key << " " << i;
    }
    EXPECT_EQ(bits(zero, zero.numel() - 1), from_hex(expected.at("seed0_last_bits"))) << key;
  }
}

TEST(SyntheticParameter, HasTheChecksumOfEveryTensorOfVggt1b) {
  const Json checksums = golden_json("checksums_vggt_1b_seed0.json");
  const auto expected = manifest(ModelConfig::vggt_1b());
  EXPECT_EQ(expected.size(), 1797u);
  ASSERT_EQ(checksums.size(), expected.size());
  for (const auto& [key, shape] : expected) {
    ASSERT_TRUE(checksums.contains(key)) << key;
    const Json& entry = checksums.at(key);
    EXPECT_EQ(entry.at(0).get<std::vector<int64_t>>(), shape) << key;
    const at::Tensor tensor = synthetic_parameter(key, shape, 0);
    uint64_t sum = 0;
    for (int64_t i = 0; i < tensor.numel(); ++i) sum += bits(tensor, i);
    EXPECT_EQ(sum, from_hex(entry.at(1))) << key;
  }
}

TEST(SyntheticParameter, DependsOnSeedAndKey) {
  const at::Tensor base = synthetic_parameter("a.weight", {8, 8}, 0);
  EXPECT_TRUE(at::equal(synthetic_parameter("a.weight", {8, 8}, 0), base));
  EXPECT_FALSE(at::equal(synthetic_parameter("a.weight", {8, 8}, 1), base));
  EXPECT_FALSE(at::equal(synthetic_parameter("b.weight", {8, 8}, 0), base));
}

TEST(SyntheticParameter, TakesShapesWithoutElements) {
  EXPECT_EQ(synthetic_parameter("a.bias", {0}, 0).numel(), 0);
  EXPECT_EQ(synthetic_parameter("pose_branch.fc2.bias", {3}, 0).numel(), 3)
      << "fewer than the special elements";
}

TEST(SyntheticImages, FollowTheRule) {
  const at::Tensor images = synthetic_images(3, 392, 518, 0);
  ASSERT_EQ(images.sizes(), (std::vector<int64_t>{1, 3, 3, 392, 518}));
  const at::Tensor bytes = (images * 255).round().to(at::kLong);
  EXPECT_TRUE(at::equal(bytes.to(at::kFloat) / 255.0f, images)) << "exactly uint8 / 255";
  const at::Tensor first = at::tensor({101, 102, 47, 91, 70, 64, 79, 46}, at::kLong);
  EXPECT_TRUE(at::equal(bytes[0][0][0][0].slice(0, 0, 8), first));
  const at::Tensor sums = at::tensor({76773954, 76810055, 76781694}, at::kLong);
  EXPECT_TRUE(at::equal(bytes[0].sum({1, 2, 3}), sums));
}

TEST(SyntheticImages, OfFewerFramesAreAPrefix) {
  const at::Tensor three = synthetic_images(3, 28, 42, 5);
  EXPECT_TRUE(at::equal(synthetic_images(2, 28, 42, 5), three.slice(1, 0, 2)));
  EXPECT_FALSE(at::equal(synthetic_images(3, 28, 42, 6), three));
}

}  // namespace
}  // namespace vggt
