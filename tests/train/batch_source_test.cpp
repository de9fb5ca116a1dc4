// SPDX-License-Identifier: Apache-2.0
#include "src/train/batch_source.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

#include "src/base/device.h"
#include "src/base/error.h"

namespace vggt::train {
namespace {

Recipe small() {
  Recipe recipe;
  recipe.data.sizes_px = {{42, 56}};
  recipe.data.max_frames = 3;
  recipe.data.pictures = 1;
  recipe.data.group = 2;
  recipe.data.reuse = 2;
  recipe.data.textures = 15;
  recipe.data.tracks = 5;
  return recipe;
}

TEST(BatchSource, ABatchDependsOnTheRecipeAndItsStepAlone) {
  BatchSource whole(small(), {}, 0, at::kCPU);
  BatchSource later(small(), {}, 5, at::kCPU);
  for (int i = 0; i < 5; ++i) whole.next();
  for (int i = 0; i < 3; ++i) {
    std::vector<at::Tensor> expected;
    whole.next().each([&](const at::Tensor& tensor) { expected.push_back(tensor); });
    size_t at = 0;
    later.next().each([&](const at::Tensor& tensor) {
      ASSERT_LT(at, expected.size());
      EXPECT_TRUE(at::equal(tensor, expected[at++]));
    });
    EXPECT_EQ(at, 7u);
  }
}

// Two renders take turns, each twice, with other photometric changes.
TEST(BatchSource, ARenderServesSeveralStepsInTurnWithOthers) {
  BatchSource source(small(), {}, 0, at::kCPU);
  std::vector<Batch> batches;
  for (int i = 0; i < 6; ++i) batches.push_back(source.next());
  const auto same_render = [&](size_t a, size_t b) {
    return batches[a].depth.sizes() == batches[b].depth.sizes() &&
           at::equal(batches[a].depth, batches[b].depth);
  };
  EXPECT_TRUE(same_render(0, 2));
  EXPECT_TRUE(same_render(1, 3));
  EXPECT_FALSE(same_render(0, 1));
  EXPECT_FALSE(same_render(0, 4));
  EXPECT_FALSE(same_render(1, 5));
  EXPECT_FALSE(at::equal(batches[0].images, batches[2].images));
}

TEST(BatchSource, LargePicturesAreFewerSoThatAStepIsBounded) {
  Recipe recipe = small();
  recipe.data.sizes_px = {{28, 42}, {84, 112}, {252, 336}};
  recipe.data.max_frames = 24;
  recipe.data.pictures = 10;
  recipe.data.reuse = 1;
  recipe.data.tracks = 0;
  BatchSource source(recipe, {}, 0, at::kCPU);
  std::set<int64_t> heights;
  int64_t most_frames = 0;
  for (int i = 0; i < 24; ++i) {
    const Batch batch = source.next();
    // Scenes are counted to the nearest whole number: at most four where three fit.
    EXPECT_LE(3 * batch.depth.numel(), 4 * 10 * 140 * 140);
    EXPECT_GE(batch.frames(), 2);
    heights.insert(batch.depth.size(2));
    most_frames = std::max(most_frames, batch.frames());
  }
  EXPECT_EQ(heights.size(), 3u);
  EXPECT_GT(most_frames, 16);
  EXPECT_LE(most_frames, 24);
}

TEST(BatchSourceOnGpu, GivesTheBatchesOfTheCpu) {
  c10::Device device(c10::kCPU);
  try {
    device = select_device("cuda");
  } catch (const ConfigError& error) {
    GTEST_SKIP() << error.what();
  }
  BatchSource ours(small(), {}, 0, device);
  BatchSource truth(small(), {}, 0, at::kCPU);
  for (int i = 0; i < 6; ++i) {
    const Batch batch = ours.next();
    const Batch expected = truth.next();
    batch.each([&](const at::Tensor& tensor) { EXPECT_TRUE(tensor.is_cuda()); });
    const Batch back = batch.to(at::kCPU);
    ASSERT_EQ(back.images.sizes(), expected.images.sizes());
    EXPECT_TRUE(at::equal(back.camera.intrinsics, expected.camera.intrinsics));
    // Rays at outlines may pass on the other side, which moves the mean distance, the unit, a little.
    EXPECT_TRUE(at::allclose(back.pose, expected.pose, 0, 1e-3));
    const at::Tensor depth_error = (back.depth - expected.depth).abs();
    EXPECT_LT(depth_error.gt(1e-3 * expected.depth + 1e-6).to(at::kFloat).mean().item<double>(),
              0.01);
    const at::Tensor colour_error = (back.images - expected.images).abs();
    EXPECT_LT(colour_error.gt(0.05).to(at::kFloat).mean().item<double>(), 0.02);
  }
}

// The cameras stay near each other while the encoder learns alone, and move apart after that.
TEST(BatchSource, CamerasMoveApartAsTheRunGoesOn) {
  Recipe recipe = small();
  recipe.encoder_steps = 12;
  recipe.data.kinds = {"room"};
  recipe.data.rigs = {"orbit"};
  recipe.data.min_frames = recipe.data.max_frames = 2;
  recipe.data.group = recipe.data.reuse = 1;
  recipe.data.spread_start = 0.05;
  recipe.data.spread_steps = 6;
  BatchSource source(recipe, {}, 8, at::kCPU);
  double baseline[4] = {};  // of steps 8 to 11, 12 to 15, ...
  for (int i = 0; i < 16; ++i) {
    baseline[i / 4] += source.next().camera.extrinsics.select(3, 3).norm().item<double>();
  }
  EXPECT_LT(baseline[0], 0.2 * baseline[3]);
  EXPECT_LT(baseline[0], baseline[1]);
}

}  // namespace
}  // namespace vggt::train
