// SPDX-License-Identifier: Apache-2.0
// Every expected number is worked out by hand, layer by layer, for a network small enough for it.
#include "src/models/cost.h"

#include <gtest/gtest.h>

namespace vggt {
namespace {

// Two frames of 2 x 3 patches and two special tokens: 8 tokens a frame.
constexpr InputSize kSize = {.frames = 2, .height_px = 28, .width_px = 42};

ModelConfig small_config() {
  ModelConfig config;
  config.embed_dim = 8;
  config.num_register_tokens = 1;
  config.patch_embed = {.depth = 1, .num_heads = 2, .mlp_ratio = 2};
  config.aggregator = {.depth = 1, .num_heads = 2, .mlp_ratio = 2};
  config.camera_head = {.trunk_depth = 1, .num_heads = 2, .mlp_ratio = 2, .num_iterations = 2};
  config.depth_head = {.features = 4, .out_channels = {2, 4, 6, 8}, .hidden_channels = 3};
  return config;
}

TEST(Cost, OfALinearLayerIsItsProductsAndItsThreeMatrices) {
  const Cost cost = linear_cost(5, 3, 2, Precision::kBFloat16);
  EXPECT_EQ(cost.half_flop, 2 * 5 * 3 * 2);
  EXPECT_EQ(cost.float_flop, 0);
  EXPECT_EQ(cost.bytes, 2 * (5 * 3 + 3 * 2 + 5 * 2));
  EXPECT_EQ(linear_cost(5, 3, 2, Precision::kFloat32).float_flop, 60);
  EXPECT_EQ(linear_cost(5, 3, 2, Precision::kFloat64).bytes, 8 * 31);
}

TEST(Cost, OfAttentionIsTwoProductsAndNoWeights) {
  const Cost cost = attention_cost(3, 10, 8, Precision::kBFloat16);
  EXPECT_EQ(cost.half_flop, 3 * 2 * (2 * 10 * 10 * 8));
  EXPECT_EQ(cost.bytes, 4 * (3 * 10 * 8) * 2);  // q, k, v and the result
}

TEST(Cost, OfTheEncoder) {
  const Cost cost = encoder_cost(small_config(), kSize, Precision::kBFloat16);
  // 12 patches of 3 x 14 x 14 values to 8 channels, in float.
  EXPECT_EQ(cost.float_flop, 2 * 12 * 588 * 8);
  // A block has 8 x 24 (qkv), 8 x 8, 8 x 16 and 16 x 8 = 512 weights; 16 tokens, in groups of 8.
  EXPECT_EQ(cost.half_flop, 2 * 16 * 512 + 4 * 16 * 8 * 8);
  const double patches = 4 * (12 * 588 + 588 * 8 + 12 * 8);
  const double attention = 2 * 4 * (16 * 8);
  // The stream six times in float; q, k, v, the input of proj, and the hidden layer twice in half.
  const double layers = 2 * 512 + 16 * (4 * 6 * 8 + 2 * (24 + 8 + 2 * 16));
  EXPECT_EQ(cost.bytes, patches + attention + layers);
}

TEST(Cost, OfTheAggregatorIsAFrameAndAGlobalBlock) {
  const Cost cost = aggregator_cost(small_config(), kSize, Precision::kBFloat16);
  const double frame = 2 * 16 * 512 + 4 * 16 * 8 * 8;
  const double global = 2 * 16 * 512 + 4 * 16 * 16 * 8;  // all 16 tokens see all 16
  EXPECT_EQ(cost.half_flop, frame + global);
  EXPECT_EQ(cost.float_flop, 0);
  EXPECT_EQ(cost.bytes, 2 * 7168);
}

TEST(Cost, OfTheCameraHeadReadsItsWeightsInEveryIteration) {
  const Cost cost = camera_head_cost(small_config(), kSize, Precision::kBFloat16);
  // Two tokens of 16 channels: 9 -> 16, 16 -> 48, a block with 2048 weights, 16 -> 8, 8 -> 9.
  const double iteration = 2 * 2 * (9 * 16 + 16 * 48 + 2048 + 16 * 8 + 8 * 9) + 4 * 2 * 2 * 16;
  EXPECT_EQ(cost.float_flop, 2 * iteration);
  EXPECT_EQ(cost.half_flop, 0) << "heads are float";
  const double linears = (18 + 144 + 32) + (32 + 768 + 96) + (32 + 128 + 16) + (16 + 72 + 18);
  const double block = 4 * 32 + 2048 + 2 * (6 * 16 + 48 + 16 + 2 * 32);
  EXPECT_EQ(cost.bytes, 2 * 4 * (linears + block));
}

TEST(Cost, OfADenseHead) {
  const ModelConfig config = small_config();
  const Cost cost = dense_head_cost(*config.depth_head, config, kSize, Precision::kBFloat16);
  // Levels of 96, 24, 6 and 2 pixels; products per frame.
  const double levels = (6 * 16 * 2 + 96 * 2 * 2 + 96 * 2 * 4 * 9) +
                        (6 * 16 * 4 + 24 * 4 * 4 + 24 * 4 * 4 * 9) + (6 * 16 * 6 + 6 * 6 * 4 * 9) +
                        (6 * 16 * 8 + 2 * 8 * 8 * 9 + 2 * 8 * 4 * 9);
  // Four 3 x 3 convolutions of 4 channels and a 1 x 1; the coarsest has two of them.
  const double fusion = (96 + 24 + 6) * (4 * 144 + 16) + 2 * (2 * 144 + 16);
  const double out = 384 * 4 * 2 * 9 + 28 * 42 * (2 * 3 * 9 + 3 * 2);
  EXPECT_EQ(cost.float_flop, 2 * 2 * (levels + fusion + out));
  EXPECT_EQ(cost.half_flop, 0);

  const double weights = 16 * (2 + 4 + 6 + 8) + 4 * 16 + 16 * 4 + 64 * 9 + 9 * 4 * (2 + 4 + 6 + 8) +
                         14 * 144 + 4 * 16 + 8 * 9 + 6 * 9 + 6;
  // Of each level: projected, resized, reduced.
  const double of_levels = (12 + 12 + 192 + 192 + 384) + (24 + 24 + 96 + 96 + 96) + (36 + 36 + 24) +
                           (48 + 48 + 16 + 16 + 8);
  // Every convolution in and out, then the interpolation.
  const double of_fusion =
      (3 * 16 + 8 + 24) + (5 * 48 + 24 + 96) + (5 * 192 + 96 + 384) + (5 * 768 + 384 + 1536);
  const double of_out = (1536 + 768) + (768 + 2352) + (2352 + 3528) + (3528 + 2352);
  const double tokens = 4 * 6 * 16;
  EXPECT_EQ(cost.bytes, 4 * weights + 2 * (4 * (of_levels + of_fusion + of_out) + 2 * tokens));
}

TEST(Cost, OfFramesGrowsLinearlyButForGlobalAttention) {
  const ModelConfig config = ModelConfig::vggt_1b();
  const auto at = [](int64_t frames) {
    return InputSize{.frames = frames, .height_px = 392, .width_px = 518};
  };
  const auto flop = [&](const auto& cost, int64_t frames) {
    return cost(config, at(frames), Precision::kBFloat16).flop();
  };
  EXPECT_DOUBLE_EQ(flop(encoder_cost, 8), 8 * flop(encoder_cost, 1));
  // 24 attentions over 8 x 1041 tokens instead of 8 over 1041 each.
  const double extra = 24 * 4 * 1024.0 * 1041 * 1041 * (64 - 8);
  EXPECT_DOUBLE_EQ(flop(aggregator_cost, 8), 8 * flop(aggregator_cost, 1) + extra);
}

}  // namespace
}  // namespace vggt
