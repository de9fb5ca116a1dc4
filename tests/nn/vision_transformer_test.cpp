// SPDX-License-Identifier: Apache-2.0
#include "src/nn/vision_transformer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "src/base/error.h"
#include "tests/support/golden.h"

namespace vggt::nn {
namespace {

using vggt::testing::golden;

// An encoder of 16 channels whose position embedding is the golden grid, behind a class entry of 7.
VisionTransformer encoder(at::ScalarType dtype) {
  ModelConfig config = ModelConfig::vggt_1b();
  config.embed_dim = 16;
  config.patch_embed.depth = 1;
  config.patch_embed.num_heads = 1;
  VisionTransformer encoder(config);
  const at::Tensor grid = golden("units/units").at("pos_embed_grid.in");
  const at::Tensor patches = grid.flatten(2).transpose(1, 2);
  encoder.pos_embed = at::cat({at::full({1, 1, 16}, 7.0f), patches}, 1).to(dtype);
  return encoder;
}

// [1, 16, rows, columns] of an embedding; its class entry must be untouched.
at::Tensor grid_of(const at::Tensor& embedding, int64_t rows, int64_t columns) {
  EXPECT_EQ(embedding.size(1), 1 + rows * columns);
  EXPECT_TRUE((embedding.select(1, 0) == 7).all().item<bool>());
  return embedding.slice(1, 1).transpose(1, 2).unflatten(2, {rows, columns});
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() ? (a - b).abs().max().item<double>() : 1e9;
}

TEST(PositionEmbedding, IsResampledLikeTheOriginals) {
  const auto units = golden("units/units");
  const VisionTransformer float32 = encoder(at::kFloat);
  const VisionTransformer float64 = encoder(at::kDouble);
  int compared = 0;
  for (const auto& [name, expected] : units) {
    int64_t rows = 0;
    int64_t columns = 0;
    int end = 0;
    std::sscanf(name.c_str(), "pos_embed_grid.out_%ldx%ld%n", &rows, &columns, &end);
    if (end != static_cast<int>(name.size())) continue;
    const at::Tensor narrow = grid_of(float32.position_embedding(rows, columns), rows, columns);
    const at::Tensor wide = grid_of(float64.position_embedding(rows, columns), rows, columns);
    EXPECT_EQ(narrow.scalar_type(), at::kFloat);
    EXPECT_EQ(wide.scalar_type(), at::kDouble);
    // A rounding or two of values up to 1: the same sums in float32, also for the double model.
    EXPECT_LT(largest_difference(narrow, expected), 2e-7) << name;
    EXPECT_LT(largest_difference(wide, expected), 2e-7) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 5);
}

TEST(PositionEmbedding, ErrsNoMoreThanTheOriginalInFloat32) {
  const auto units = golden("units/units");
  const at::Tensor truth = units.at("pos_embed_grid.out_28x37_f64");
  const at::Tensor ours = grid_of(encoder(at::kFloat).position_embedding(28, 37), 28, 37);
  const double original = largest_difference(units.at("pos_embed_grid.out_28x37"), truth);
  // Twice it, in case another build of LibTorch sums in another order.
  EXPECT_LE(largest_difference(ours, truth), 2 * original);
}

TEST(PositionEmbedding, IsUsedAsItIsOnTheTrainingGrid) {
  const VisionTransformer model = encoder(at::kFloat);
  EXPECT_TRUE(model.position_embedding(37, 37).is_same(model.pos_embed));
}

TEST(PositionEmbedding, IsResampledForAGridOfEqualCountButOtherShape) {
  ModelConfig config = ModelConfig::tiny();
  VisionTransformer model(config);
  // A ramp along the columns: resampling it keeps every row the same and the columns ascending.
  const at::Tensor ramp =
      at::arange(6, at::kFloat).view({1, 1, 6, 1}).expand({1, 6, 6, 48}).reshape({1, 36, 48});
  model.pos_embed = at::cat({at::zeros({1, 1, 48}), ramp}, 1);
  const at::Tensor resampled = model.position_embedding(4, 9);
  ASSERT_EQ(resampled.size(1), 37);
  EXPECT_FALSE(at::equal(resampled, model.pos_embed));
  const at::Tensor grid = resampled.slice(1, 1).view({4, 9, 48});
  // One rounding of values up to 5.
  EXPECT_TRUE(at::allclose(grid, grid.slice(0, 0, 1).expand_as(grid), 0, 1e-6));
  EXPECT_TRUE((grid.slice(1, 1) > grid.slice(1, 0, 8)).all().item<bool>());
}

TEST(VisionTransformer, AsksAfterEachBlockWhetherToGoOn) {
  ModelConfig config = ModelConfig::tiny();
  const VisionTransformer encoder(config);
  int asked = 0;
  const ProgressCallback stop_after_two = [&](const Progress&) { return asked++ < 2; };
  StageProgress stage("encoder", 1, stop_after_two);  // asks once
  EXPECT_THROW(encoder.forward(at::zeros({1, 3, 28, 28}), &stage), Cancelled);
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace vggt::nn
