// SPDX-License-Identifier: Apache-2.0
#include "src/nn/dpt_head.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "src/weights/synthetic.h"
#include "tests/support/golden.h"

namespace vggt::nn {
namespace {

using vggt::testing::golden;

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() ? (a - b).abs().max().item<double>() : 1e9;
}

TEST(DptPositionEmbedding, AgreesWithTheOriginal) {
  auto units = golden("units/units");
  int compared = 0;
  for (const auto& [name, by_column] : units) {
    int64_t channels = 0, rows = 0, columns = 0, height = 0, width = 0;
    if (std::sscanf(name.c_str(),
                    "dpt_pos.%ldch_%ldx%ld_image_%ldx%ld",
                    &channels,
                    &rows,
                    &columns,
                    &height,
                    &width) != 5 ||
        name.find(".cols") == std::string::npos) {
      continue;
    }
    const at::Tensor by_row = units.at(name.substr(0, name.size() - 5) + ".rows");
    const DptPositionEmbedding embedding = dpt_position_embedding(
        channels, rows, columns, static_cast<double>(width) / static_cast<double>(height));
    // One rounding of float32 at 0.1.
    EXPECT_LE(largest_difference(embedding.by_column.t(), by_column), 7.5e-9) << name;
    EXPECT_LE(largest_difference(embedding.by_row.t(), by_row), 7.5e-9) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 3);
}

TEST(DenseActivation, AgreesWithTheOriginal) {
  auto units = golden("units/units");
  const at::Tensor logits = units.at("activate.logits");
  const DenseMap points = activate_dense(logits, DptActivation::kInvLog);
  const DenseMap depth = activate_dense(logits.slice(1, 2), DptActivation::kExp);
  // A few roundings, relative: the exponential function in float32.
  EXPECT_TRUE(at::allclose(points.values, units.at("activate.points"), 5e-7, 1e-9));
  EXPECT_TRUE(at::allclose(points.confidence, units.at("activate.points_conf"), 5e-7, 0));
  EXPECT_TRUE(at::allclose(depth.values, units.at("activate.depth"), 5e-7, 0));
  EXPECT_TRUE(at::allclose(depth.confidence, units.at("activate.depth_conf"), 5e-7, 0));
}

TEST(DenseActivation, KeepsSmallValuesOfInverseLogExact) {
  const at::Tensor logits = at::tensor({1e-9, -1e-9, 0.0, 0.0}, at::kDouble).view({1, 4, 1, 1});
  const DenseMap map = activate_dense(logits, DptActivation::kInvLog);
  EXPECT_DOUBLE_EQ(map.values[0][0][0][0].item<double>(), 1e-9 + 0.5e-18);
  EXPECT_DOUBLE_EQ(map.values[0][0][0][1].item<double>(), -1e-9 - 0.5e-18);
  EXPECT_EQ(map.values[0][0][0][2].item<double>(), 0);
  EXPECT_EQ(map.confidence[0][0][0].item<double>(), 2);
}

TEST(ResidualConvUnit, CarriesTheRectifiedInput) {
  ResidualConvUnit unit(2);
  for (const auto& conv : {unit.conv1, unit.conv2}) {
    conv->weight = at::zeros({2, 2, 3, 3});
    conv->bias = at::zeros({2});
  }
  const at::Tensor x = at::tensor({-3.0f, 2.0f, -1.0f, 5.0f}).view({1, 2, 1, 2});
  EXPECT_TRUE(at::equal(unit.forward(x), at::relu(x)));
  EXPECT_EQ(x[0][0][0][0].item<float>(), -3) << "the input must stay";
}

TEST(ResidualConvUnit, AddsTheConvolutions) {
  ResidualConvUnit unit(4);
  for (const auto& [conv, key] :
       {std::pair(unit.conv1, "unit.conv1"), std::pair(unit.conv2, "unit.conv2")}) {
    conv->weight =
        synthetic_parameter(std::string(key) + ".weight", {4, 4, 3, 3}, 1).to(at::kDouble);
    conv->bias = synthetic_parameter(std::string(key) + ".bias", {4}, 1).to(at::kDouble);
  }
  const at::Tensor x = synthetic_parameter("x.pos_embed", {2, 4, 5, 6}, 1).to(at::kDouble);
  const at::Tensor r = at::relu(x);
  const auto convolve = [](const at::Tensor& in, const Conv2d& conv) {
    return at::conv2d(in, conv.weight, conv.bias, {1, 1}, {1, 1});
  };
  const at::Tensor expected = r + convolve(at::relu(convolve(r, *unit.conv1)), *unit.conv2);
  // The same operations in the same order.
  EXPECT_LT(largest_difference(unit.forward(x), expected), 1e-14);
}

}  // namespace
}  // namespace vggt::nn
