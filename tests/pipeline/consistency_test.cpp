// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/consistency.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "src/pipeline/point_filter.h"
#include "tests/support/plane_and_box.h"

namespace vggt {
namespace {

constexpr int64_t kWidth = 60;
constexpr int64_t kHeight = 40;
constexpr double kFocal_px = 50;

// Cameras side by side, `apart` from each to the next, before a wall at depth 4.
Reconstruction wall(int64_t photos, double apart = 0.2) {
  Reconstruction scene;
  for (int64_t s = 0; s < photos; ++s) {
    View view = {.name = std::to_string(s)};
    view.map.stored_width_px = view.map.network_width_px = kWidth;
    view.map.stored_height_px = view.map.network_height_px = kHeight;
    view.camera = {.width_px = kWidth,
                   .height_px = kHeight,
                   .fx_px = kFocal_px,
                   .fy_px = kFocal_px,
                   .cx_px = kWidth / 2.0,
                   .cy_px = kHeight / 2.0};
    view.camera.translation = {-apart * static_cast<double>(s), 0, 0};
    scene.views.push_back(view);
  }
  scene.images = at::full({photos, 3, kHeight, kWidth}, 0.5);
  scene.depth = at::full({photos, kHeight, kWidth}, 4.0);
  scene.confidence = at::full({photos, kHeight, kWidth}, 2.0);
  return scene;
}

at::Tensor everywhere(const Reconstruction& scene) {
  return at::ones(scene.depth.sizes(), at::kBool);
}

int64_t at_pixel(const at::Tensor& votes, int64_t s, int64_t y, int64_t x) {
  return votes[s][y][x].item<int64_t>();
}

// A camera 0.2 further sees the wall 2.5 pixels further: which photos show a pixel is counted.
TEST(Agreement, IsTheNumberOfPhotosThatSeeThePoint) {
  const Reconstruction scene = wall(5);
  const at::Tensor votes = agreement(scene, everywhere(scene));
  for (int64_t s = 0; s < 5; ++s) {
    for (const int64_t x : {0, 3, 30, 52, 59}) {
      int64_t expected = 0;
      for (int64_t t = 0; t < 5; ++t) {
        const double there = static_cast<double>(x) + 0.5 - 2.5 * static_cast<double>(t - s);
        expected += t != s && there >= 0 && there < kWidth ? 1 : 0;
      }
      EXPECT_EQ(at_pixel(votes, s, 20, x), expected) << s << " " << x;
    }
  }
}

TEST(Agreement, CountsAgainstWhatOthersSeeThrough) {
  Reconstruction scene = wall(5);
  scene.depth[2].slice(0, 15, 25).slice(1, 25, 35).fill_(2);  // in the way of the others
  const at::Tensor votes = agreement(scene, everywhere(scene));
  EXPECT_EQ(at_pixel(votes, 2, 20, 30), -4);
  // What it hides from photo 2 the others are still agreed on.
  EXPECT_EQ(at_pixel(votes, 0, 20, 35), 3);
}

TEST(Agreement, HasNothingToSayOnWhatIsHidden) {
  Reconstruction scene = wall(5);
  scene.depth[2].slice(0, 15, 25).slice(1, 25, 35).fill_(6);  // a second wall behind the first
  EXPECT_EQ(at_pixel(agreement(scene, everywhere(scene)), 2, 20, 30), 0);
  // A true obstacle, seen by all: the wall behind it is not contradicted.
  scene = wall(3, 0.4);
  for (int64_t s = 0; s < 3; ++s) {
    const int64_t left = 25 - 10 * s;  // at depth 2 each camera moves it by 10 pixels
    scene.depth[s].slice(0, 10, 30).slice(1, left, left + 10).fill_(2);
  }
  const at::Tensor votes = agreement(scene, everywhere(scene));
  EXPECT_EQ(at_pixel(votes, 0, 20, 30), 2);  // the obstacle itself
  // The wall at column 28 of photo 1 is at 33 of photo 0, behind the obstacle there.
  EXPECT_EQ(at_pixel(votes, 1, 20, 28), 1);
}

TEST(Agreement, ToleratesWhatItIsTold) {
  Reconstruction scene = wall(2, 0.05);
  scene.depth[1].fill_(4.3);  // 7.5 % further
  EXPECT_EQ(at_pixel(agreement(scene, everywhere(scene), {.depth_tolerance = 0.1}), 0, 20, 30), 1);
  EXPECT_EQ(at_pixel(agreement(scene, everywhere(scene), {.depth_tolerance = 0.05}), 0, 20, 30),
            -1);
}

TEST(Agreement, AsksOnlyPixelsOfTheSurface) {
  const Reconstruction scene = wall(3);
  at::Tensor surface = everywhere(scene);
  surface[1].fill_(false);
  const at::Tensor votes = agreement(scene, surface);
  EXPECT_EQ(at_pixel(votes, 0, 20, 30), 1);
  EXPECT_EQ(at_pixel(votes, 1, 20, 30), 0);
}

// Camera 0 stands between others that look the other way: they show nothing of its wall, wherever
// they come in the order.
TEST(Agreement, ComparesWithThePhotosThatShowMost) {
  Reconstruction scene = wall(9, 0.02);
  for (const size_t s : {1, 2, 3, 4, 5}) {
    scene.views[s].camera.rotation = {-1, 0, 0, 0, 1, 0, 0, 0, -1};
    scene.views[s].camera.translation = {0, 0, 0};
  }
  EXPECT_EQ(at_pixel(agreement(scene, everywhere(scene), {.compared = 3}), 0, 20, 30), 3);
  EXPECT_EQ(at_pixel(agreement(scene, everywhere(scene), {.compared = 2}), 0, 20, 30), 2);
}

// Turned cameras and a box: all of what two photos see in common is agreed on, and with one camera
// put elsewhere it is not.
TEST(Agreement, HoldsForTurnedCameras) {
  const std::vector<PixelMap> maps(3, wall(1).views[0].map);
  Reconstruction scene = PlaneAndBox(3).reconstruct(maps, std::vector<std::string>(3, "a"));
  const at::Tensor surface = scene.depth < 29;  // without the sky
  const at::Tensor votes = agreement(scene, surface, {.depth_tolerance = 0.03});
  const double doubted = votes.lt(0).sum().item<double>() / surface.sum().item<double>();
  const double agreed = votes.gt(0).sum().item<double>() / surface.sum().item<double>();
  EXPECT_LT(doubted, 0.02);
  EXPECT_GT(agreed, 0.7);
  scene.views[1].camera.translation[2] += 1;
  const at::Tensor moved = agreement(scene, surface, {.depth_tolerance = 0.03});
  EXPECT_LT(moved[1].gt(0).sum().item<double>(), 0.4 * votes[1].gt(0).sum().item<double>());
}

TEST(Agreement, SurvivesWhatIsNoNumber) {
  Reconstruction scene = wall(2);
  at::Tensor surface = everywhere(scene);
  scene.depth[0][20][30] = std::numeric_limits<float>::quiet_NaN();
  scene.depth[0][20][31] = std::numeric_limits<float>::infinity();
  scene.depth[0][20][32] = 3e38F;
  scene.views[1].camera.translation[2] = -9;  // beyond the wall
  const at::Tensor votes = agreement(scene, surface);
  EXPECT_EQ(at_pixel(votes, 0, 20, 30), 0);
  EXPECT_EQ(at_pixel(votes, 0, 20, 10), 0);
  EXPECT_EQ(agreement(wall(1), everywhere(wall(1))).abs().sum().item<int64_t>(), 0);
  EXPECT_THROW(agreement(scene, surface[0]), c10::Error);
}

TEST(Agreement, IsTheSameOnAnyNumberOfThreads) {
  Reconstruction scene = wall(4);
  scene.depth[1].slice(0, 5, 20).fill_(3);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = agreement(scene, everywhere(scene));
  at::set_num_threads(3);
  EXPECT_TRUE(at::equal(agreement(scene, everywhere(scene)), one));
  at::set_num_threads(threads);
}

TEST(ConsistentPoints, AreThoseThatEnoughPhotosAgreeOn) {
  Reconstruction scene = wall(4);
  scene.depth[1].slice(0, 10, 30).slice(1, 20, 40).fill_(6);
  const int64_t wrong = 20 * 20;
  const PointCloud all = make_points(scene, {.drop_percent = 0});
  const PointCloud agreed = make_points(scene, {.drop_percent = 0, .consistent = 1});
  // Besides, two columns of the first photo and three of the last are in no other's picture.
  EXPECT_EQ(all.size() - agreed.size(), wrong + 5 * kHeight);
  EXPECT_EQ((agreed.position.select(1, 2) > 5).sum().item<int64_t>(), 0);
  EXPECT_LT(make_points(scene, {.drop_percent = 0, .consistent = 3}).size(), agreed.size());
  // There are no more than three others to agree.
  EXPECT_EQ(make_points(scene, {.drop_percent = 0, .consistent = 99}).size(),
            make_points(scene, {.drop_percent = 0, .consistent = 3}).size());
}

}  // namespace
}  // namespace vggt
