// SPDX-License-Identifier: Apache-2.0
#include "src/train/targets.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace vggt::train
