// SPDX-License-Identifier: Apache-2.0
#include "src/train/targets.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "src/train/batch.h"

namespace vggt::train {
namespace {

constexpr int64_t kPatch = 14;

Batch two_scenes() {
  static const synthetic::Textures textures =
      synthetic::make_textures({.count = 15, .size_px = 32});
  std::vector<synthetic::Sample> scenes;
  for (const uint64_t seed : {3, 4}) {
    scenes.push_back(synthetic::make_sample({.kind = synthetic::SceneKind::kRoom,
                                             .rig = synthetic::RigKind::kOrbit,
                                             .frames = 3,
                                             .width_px = 98,
                                             .height_px = 70,
                                             .spread = 0.3},
                                            textures,
                                            seed));
  }
  return make_batch(scenes, 1);
}

TEST(Batch, TheFirstCameraIsTheWorldAndPointsAreOneUnitAwayOnAverage) {
  const Batch batch = two_scenes();
  EXPECT_EQ(batch.images.sizes(), at::IntArrayRef({2, 3, 3, 70, 98}));
  EXPECT_EQ(batch.pose.sizes(), at::IntArrayRef({2, 3, 9}));
  const at::Tensor first = batch.camera.extrinsics.select(1, 0);
  const at::Tensor identity = at::eye(3, 4).unsqueeze(0).expand({2, 3, 4});
  EXPECT_LT((first - identity).abs().max().item<double>(), 1e-6);
  const at::Tensor points = world_points(batch);
  for (int64_t scene = 0; scene < 2; ++scene) {
    const at::Tensor distance = points[scene].norm(2, -1).masked_select(batch.depth[scene] > 0);
    // unproject() takes the corner of a pixel where world_points() takes its middle.
    EXPECT_NEAR(distance.mean().item<double>(), 1, 0.02);
  }
}

TEST(Batch, ASeedChangesThePicturesAndNothingElse) {
  static const synthetic::Textures textures =
      synthetic::make_textures({.count = 15, .size_px = 32});
  const std::vector<synthetic::Sample> scenes = {
      synthetic::make_sample({.frames = 2, .width_px = 56, .height_px = 42}, textures, 5)};
  const Batch one = make_batch(scenes, 1);
  const Batch other = make_batch(scenes, 2);
  EXPECT_TRUE(at::equal(one.images, make_batch(scenes, 1).images));
  EXPECT_FALSE(at::equal(one.images, other.images));
  EXPECT_TRUE(at::equal(one.depth, other.depth));
  EXPECT_TRUE(at::equal(one.pose, other.pose));
}

// A patch's match shows the same place of the scene.
TEST(PatchTargets, MatchesShowTheSamePlace) {
  const Batch batch = two_scenes();
  const PatchTargets targets = patch_targets(batch, kPatch);
  const int64_t n = 5 * 7;
  ASSERT_EQ(targets.match.sizes(), at::IntArrayRef({2, 3, 3, n}));
  int64_t matched = 0;
  double worst = 0;
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t j = 0; j < 3; ++j) {
        for (int64_t k = 0; k < n; ++k) {
          const auto match = targets.match[b][i][j][k].item<int64_t>();
          if (match < 0) continue;
          if (i == j) {
            EXPECT_EQ(match, k) << "a patch does not match itself";
          }
          ++matched;
          // Its place in frame j lies in the patch that is named.
          const at::Tensor camera = batch.camera.extrinsics[b][j];
          const at::Tensor point = targets.points[b][i][k];
          const at::Tensor seen = batch.camera.intrinsics[b][j].matmul(
              camera.slice(1, 0, 3).matmul(point) + camera.select(1, 3));
          const double x = (seen[0] / seen[2]).item<double>();
          const double y = (seen[1] / seen[2]).item<double>();
          const double middle_x = static_cast<double>(match % 7 * kPatch) + 7;
          const double middle_y = static_cast<double>(match / 7 * kPatch) + 7;
          worst = std::max({worst, std::abs(x - middle_x), std::abs(y - middle_y)});
        }
      }
    }
  }
  EXPECT_GT(matched, 6 * n) << "hardly a patch is matched beyond itself";
  EXPECT_LT(worst, 7.01) << "a match lies outside its patch";
}

TEST(PatchTargets, PlacesInTheFirstFrameAgreeWithMatches) {
  const Batch batch = two_scenes();
  const PatchTargets targets = patch_targets(batch, kPatch);
  EXPECT_FALSE(targets.has_place.select(1, 0).any().item<bool>());
  const at::Tensor seen_in_first = targets.match.select(2, 0) >= 0;
  EXPECT_TRUE(at::equal(targets.has_place.slice(1, 1), seen_in_first.slice(1, 1)));
  EXPECT_LE(targets.place.masked_select(targets.has_place.unsqueeze(3)).abs().max().item<double>(),
            1);
}

TEST(Batch, PoseTracksAndPicturesAreThoseOfTheScenes) {
  static const synthetic::Textures textures =
      synthetic::make_textures({.count = 15, .size_px = 32});
  const auto sample = [&](int64_t tracks) {
    return synthetic::make_sample(
        {.frames = 2, .width_px = 56, .height_px = 42, .tracks = tracks}, textures, 5);
  };
  const std::vector<synthetic::Sample> scenes = {sample(3), sample(7)};
  const Batch batch = make_batch(scenes, 1);
  // The same scene twice, but not the same pictures.
  EXPECT_TRUE(at::equal(batch.depth[0], batch.depth[1]));
  EXPECT_FALSE(at::equal(batch.images[0], batch.images[1]));
  // The field of view of each side, the height's first.
  const double fov_y = 2 * std::atan(21 / scenes[0].cameras[1].fy_px);
  const double fov_x = 2 * std::atan(28 / scenes[0].cameras[1].fx_px);
  EXPECT_NEAR(batch.pose[0][1][7].item<double>(), fov_y, 1e-5);
  EXPECT_NEAR(batch.pose[0][1][8].item<double>(), fov_x, 1e-5);
  // Of fewer tracks the first ones come again.
  ASSERT_EQ(batch.tracks.sizes(), at::IntArrayRef({2, 2, 7, 2}));
  EXPECT_TRUE(at::equal(batch.tracks[1], scenes[1].tracks.pixels));
  EXPECT_TRUE(at::equal(batch.visible[1], scenes[1].tracks.visible));
  for (int64_t i = 0; i < 7; ++i) {
    EXPECT_TRUE(at::equal(batch.tracks[0].select(1, i), scenes[0].tracks.pixels.select(1, i % 3)));
    EXPECT_TRUE(
        at::equal(batch.visible[0].select(1, i), scenes[0].tracks.visible.select(1, i % 3)));
  }
}

// Two frames of 3 x 2 patches before a wall at depth 2, the second one moved by a patch's width to
// the right, so that what is at column k of the first is at k - 1 of the second.
Batch by_hand() {
  Batch batch;
  batch.depth = at::full({1, 2, 2 * kPatch, 3 * kPatch}, 2.0);
  batch.camera.extrinsics = at::eye(3, 4).expand({1, 2, 3, 4}).clone();
  batch.camera.extrinsics[0][1][0][3] = -1;
  at::Tensor k = at::eye(3) * 28.0;  // a patch is 1 wide at depth 2
  k[0][2] = 1.5 * kPatch;
  k[1][2] = kPatch;
  k[2][2] = 1;
  batch.camera.intrinsics = k.expand({1, 2, 3, 3});
  return batch;
}

TEST(PatchTargets, OfAWallByHand) {
  const PatchTargets targets = patch_targets(by_hand(), kPatch);
  const auto match = targets.match.accessor<int64_t, 4>();
  for (int64_t row = 0; row < 2; ++row) {
    for (int64_t column = 0; column < 3; ++column) {
      const int64_t k = 3 * row + column;
      EXPECT_EQ(match[0][0][1][k], column > 0 ? k - 1 : -1) << k;
      EXPECT_EQ(match[0][1][0][k], column < 2 ? k + 1 : -1) << k;
      // A pixel's middle is half a pixel beside the patch's.
      constexpr double kHalf = 0.5 / 28;
      EXPECT_NEAR(targets.points[0][1][k][0].item<double>(),
                  static_cast<double>(column) - 1 + 1 + 2 * kHalf,
                  1e-5);
      EXPECT_NEAR(targets.points[0][1][k][1].item<double>(),
                  static_cast<double>(row) - 0.5 + 2 * kHalf,
                  1e-5);
      EXPECT_EQ(targets.has_place[0][1][k].item<bool>(), column < 2) << k;
      if (column == 2) continue;
      EXPECT_NEAR(targets.place[0][1][k][0].item<double>(),
                  (static_cast<double>(column) + 1.5 + 1.0 / 28) / 3 * 2 - 1,
                  1e-5);
      EXPECT_NEAR(targets.place[0][1][k][1].item<double>(),
                  (static_cast<double>(row) + 0.5 + 1.0 / 28) / 2 * 2 - 1,
                  1e-5);
    }
  }
}

TEST(PatchTargets, WhatIsHiddenOrInTheSkyHasNoMatch) {
  Batch batch = by_hand();
  // Something near before the upper left patch of the second frame hides what the first sees there.
  batch.depth[0][1].slice(0, 0, kPatch).slice(1, 0, kPatch).fill_(1);
  PatchTargets targets = patch_targets(batch, kPatch);
  EXPECT_EQ(targets.match[0][0][1][1].item<int64_t>(), -1);
  EXPECT_EQ(targets.match[0][0][1][2].item<int64_t>(), 1);
  // A hole there: it would be seen, but is not what is there.
  batch.depth[0][1].slice(0, 0, kPatch).slice(1, 0, kPatch).fill_(3);
  targets = patch_targets(batch, kPatch);
  EXPECT_EQ(targets.match[0][0][1][1].item<int64_t>(), -1);
  // The sky matches nothing, not even itself.
  batch = by_hand();
  batch.depth[0][0].slice(0, kPatch).slice(1, kPatch, 2 * kPatch).fill_(0);
  targets = patch_targets(batch, kPatch);
  EXPECT_EQ(targets.match[0][0][1][4].item<int64_t>(), -1);
  EXPECT_EQ(targets.match[0][0][0][4].item<int64_t>(), -1);
  EXPECT_EQ(targets.match[0][1][0][3].item<int64_t>(), -1);
  // A frame that looks the other way sees nothing of it.
  batch = by_hand();
  batch.camera.extrinsics[0][1].slice(1, 0, 3).copy_(at::diag(at::tensor({-1.0F, 1.0F, -1.0F})));
  EXPECT_EQ(patch_targets(batch, kPatch).match[0][0][1].max().item<int64_t>(), -1);
}

}  // namespace
}  // namespace vggt::train
