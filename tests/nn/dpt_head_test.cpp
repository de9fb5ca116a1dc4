// SPDX-License-Identifier: Apache-2.0
#include "src/nn/dpt_head.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "kernels/common/path.h"
#include "src/nn/dpt_head_fast.h"
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

class FastHead : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kernels::has_conv3x3()) GTEST_SKIP() << "this machine takes LibTorch's convolution";
  }
};

std::shared_ptr<DptHead> synthetic_head(const DptConfig& head, const ModelConfig& config) {
  auto made = std::make_shared<DptHead>(head, config);
  for (auto& parameter : made->named_parameters()) {
    parameter.value().set_data(
        synthetic_parameter("depth_head." + parameter.key(), parameter.value().sizes(), 3));
  }
  return made;
}

std::map<int64_t, at::Tensor> half_tokens(const DptConfig& head,
                                          const ModelConfig& config,
                                          int64_t patches) {
  std::map<int64_t, at::Tensor> layers;
  for (const int64_t layer : head.intermediate_layer_idx) {
    layers[layer] =
        synthetic_parameter("layer" + std::to_string(layer) + ".pos_embed",
                            {1, 3, patches + config.special_tokens(), config.head_dim_in()},
                            3)
            .to(at::kBFloat16);
  }
  return layers;
}

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

TEST_F(FastHead, AgreesWithThePlainOne) {
  const ModelConfig tiny = ModelConfig::tiny();
  const ModelConfig mini = ModelConfig::mini();
  DptConfig without_position = *tiny.depth_head;
  without_position.pos_embed = false;
  for (const auto& [config, dpt] : {std::pair(tiny, *tiny.point_head),
                                    std::pair(tiny, without_position),
                                    std::pair(mini, *mini.depth_head)}) {
    const auto head = synthetic_head(dpt, config);
    const c10::InferenceMode inference;
    for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{5, 7}, {1, 4}, {6, 3}}) {
      const auto layers = half_tokens(dpt, config, rows * columns);
      ASSERT_TRUE(FastDptHead::takes(layers.begin()->second, *head));
      const auto run = [&](kernels::Path path) {
        const kernels::PathScope scope(path);
        StageProgress progress("depth head", 3, {});
        return head->forward(layers,
                             rows * config.patch_size,
                             columns * config.patch_size,
                             /*frames=*/2,
                             progress);
      };
      const DenseMap fast = run(kernels::Path::kFast);
      const DenseMap plain = run(kernels::Path::kPlain);
      // Tokens in bfloat16 have lost 1e-3.
      EXPECT_LT(relative_difference(fast.values, plain.values), 2e-5);
      EXPECT_LT(relative_difference(fast.confidence, plain.confidence), 2e-5);
    }
  }
}

TEST_F(FastHead, MakesTheFeaturesOfTheTracker) {
  const ModelConfig config = ModelConfig::tiny();
  DptConfig dpt = config.track_head->feature_extractor;
  for (const bool position : {true, false}) {
    dpt.pos_embed = position;
    const auto head = synthetic_head(dpt, config);
    const c10::InferenceMode inference;
    const auto layers = half_tokens(dpt, config, 5 * 7);
    const auto run = [&](kernels::Path path) {
      const kernels::PathScope scope(path);
      StageProgress progress("track features", 3, {});
      return head->features(layers, 5 * config.patch_size, 7 * config.patch_size, 1, progress);
    };
    EXPECT_LT(relative_difference(run(kernels::Path::kFast), run(kernels::Path::kPlain)), 2e-5);
  }
}

TEST_F(FastHead, IsForHalfPrecisionWithoutAutograd) {
  const ModelConfig config = ModelConfig::tiny();
  const auto head = synthetic_head(*config.depth_head, config);
  const at::Tensor tokens = half_tokens(*config.depth_head, config, 4).begin()->second;
  EXPECT_FALSE(FastDptHead::takes(tokens, *head)) << "gradients may be asked for";
  const c10::InferenceMode inference;
  EXPECT_TRUE(FastDptHead::takes(tokens, *head));
  EXPECT_FALSE(FastDptHead::takes(tokens.to(at::kFloat), *head));
  const kernels::PathScope plain(kernels::Path::kPlain);
  EXPECT_FALSE(FastDptHead::takes(tokens, *head));
}

}  // namespace
}  // namespace vggt::nn
