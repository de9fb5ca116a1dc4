// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/known_world.h"

#include "src/base/error.h"
#include "tests/support/camera_path.h"
#include "tests/support/message_of.h"
#include "tests/support/plane_and_box.h"

#include <ATen/ATen.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace vggt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double kRounding = 1e-9;

PixelMap map_of(int orientation) {
  PixelMap map;
  map.stored_width_px = orientation >= 5 ? 140 : 196;
  map.stored_height_px = orientation >= 5 ? 196 : 140;
  map.orientation = orientation;
  map.network_width_px = 98;
  map.network_height_px = 70;
  map.scale_x = map.scale_y = 0.5;
  return map;
}

Reconstruction scene(int orientation = 1, int64_t views = 5) {
  return PlaneAndBox(views).reconstruct(
      std::vector<PixelMap>(static_cast<size_t>(views), map_of(orientation)),
      {"a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"});
}

// Another world: 2.5 times as large, turned and moved.
const Similarity kOther = {2.5, testing::rotation_about({0.3, -1, 0.4}, 2.1), {4, -3, 7}};

// Poses of the stored pictures in the other world.
KnownPoses poses_in_other_world(const Reconstruction& r) {
  KnownPoses poses;
  for (const View& view : r.views) {
    Rigid pose = cam_from_world(view.map.stored_camera(view.camera));
    for (double& value : pose.translation) value *= kOther.scale;
    poses.emplace_back(pose * inverse(Rigid{kOther.rotation, kOther.translation}));
  }
  return poses;
}

void expect_stored_pose(const View& view, const Rigid& expected) {
  const Camera stored = view.map.stored_camera(view.camera);
  for (size_t k = 0; k < 9; ++k) {
    EXPECT_NEAR(stored.rotation[k], expected.rotation[k], kRounding) << view.name;
  }
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(stored.translation[k], expected.translation[k], kRounding) << view.name;
  }
}

TEST(KnownWorld, BringsEverythingIntoIt) {
  for (const int orientation : {1, 3, 6, 8}) {
    Reconstruction r = scene(orientation);
    const at::Tensor depth = r.depth.clone();
    const KnownPoses poses = poses_in_other_world(r);
    const KnownWorld world = place_in_known_world(r, poses);
    EXPECT_EQ(world.posed, 5);
    EXPECT_TRUE(world.has_scale);
    EXPECT_NEAR(world.known_from_network.scale, kOther.scale, kRounding);
    EXPECT_LT(world.rotation_deg, 1e-6);
    EXPECT_LT(world.centre_share, 1e-9);
    for (size_t s = 0; s < 5; ++s) expect_stored_pose(r.views[s], *poses[s]);
    EXPECT_TRUE(at::allclose(r.depth, depth * kOther.scale));
  }
}

TEST(KnownWorld, PutsPhotosWithoutAPoseAmongTheOthers) {
  Reconstruction r = scene();
  const KnownPoses poses = poses_in_other_world(r);
  KnownPoses some = poses;
  some[0].reset();
  some[3].reset();
  EXPECT_EQ(place_in_known_world(r, some).posed, 3);
  for (size_t s = 0; s < 5; ++s) expect_stored_pose(r.views[s], *poses[s]);
}

// One camera that the network got wrong altogether neither moves the others nor stays.
TEST(KnownWorld, OutvotesACameraThatIsFarOff) {
  Reconstruction r = scene();
  const KnownPoses poses = poses_in_other_world(r);
  Camera& wrong = r.views[1].camera;
  wrong = placed(wrong, Rigid{wrong.rotation, {30, -20, 10}});
  const KnownWorld world = place_in_known_world(r, poses);
  EXPECT_NEAR(world.known_from_network.scale, kOther.scale, 0.05 * kOther.scale);
  for (size_t s = 0; s < 5; ++s) expect_stored_pose(r.views[s], *poses[s]);
}

TEST(KnownWorld, SaysHowFarTheNetworkWasOff) {
  Reconstruction r = scene();
  const KnownPoses poses = poses_in_other_world(r);
  // All but the first turned the same way and the other way round by 8 degrees.
  for (size_t s = 0; s < 5; ++s) {
    const double angle = (s % 2 == 0 ? 8 : -8) * M_PI / 180;
    const Camera& camera = r.views[s].camera;
    r.views[s].camera = placed(
        camera, Rigid{testing::rotation_about({0, 0, 1}, angle), {}} * cam_from_world(camera));
  }
  const KnownWorld world = place_in_known_world(r, poses);
  EXPECT_GT(world.rotation_deg, 5);
  EXPECT_LT(world.rotation_deg, 11);
}

TEST(KnownWorld, KeepsTheScaleWhereThePosesGiveNone) {
  Reconstruction r = scene();
  const at::Tensor depth = r.depth.clone();
  KnownPoses one(5);
  one[2] = poses_in_other_world(r)[2];
  const KnownWorld world = place_in_known_world(r, one);
  EXPECT_FALSE(world.has_scale);
  EXPECT_TRUE(at::equal(r.depth, depth));
  expect_stored_pose(r.views[2], *one[2]);
  EXPECT_THAT(message_of<ConfigError>([&] { place_in_known_world(r, KnownPoses(5)); }),
              HasSubstr("poses"));
}

TEST(KnownLenses, AreScaledToThePhoto) {
  for (const int orientation : {1, 6}) {
    Reconstruction r = scene(orientation);
    const PixelMap& map = r.views[1].map;
    const Rigid before = cam_from_world(r.views[1].camera);
    Camera lens{.width_px = 2 * map.stored_width_px, .height_px = 2 * map.stored_height_px};
    lens.fx_px = 300;
    lens.fy_px = 280;
    lens.cx_px = 150;
    lens.cy_px = 160;
    KnownLenses lenses(5);
    lenses[1] = lens;
    const double untouched = r.views[0].camera.fx_px;
    set_known_lenses(r, lenses);
    const Camera stored = map.stored_camera(r.views[1].camera);
    EXPECT_NEAR(stored.fx_px, 150, kRounding);
    EXPECT_NEAR(stored.fy_px, 140, kRounding);
    EXPECT_NEAR(stored.cx_px, 75, kRounding);
    EXPECT_NEAR(stored.cy_px, 80, kRounding);
    EXPECT_EQ(r.views[0].camera.fx_px, untouched);
    const Rigid after = cam_from_world(r.views[1].camera);
    for (size_t k = 0; k < 9; ++k) EXPECT_NEAR(after.rotation[k], before.rotation[k], kRounding);
  }
}

TEST(KnownLenses, RefuseAnotherShapeByThePhotosName) {
  Reconstruction r = scene();
  KnownLenses lenses(5);
  lenses[2] = Camera{.width_px = 100, .height_px = 100, .fx_px = 90, .fy_px = 90};
  EXPECT_THAT(message_of<ConfigError>([&] { set_known_lenses(r, lenses); }),
              AllOf(HasSubstr("c.jpg"), HasSubstr("100 x 100"), HasSubstr("196 x 140")));
}

TEST(KnownDistance, ScalesTheWholeScene) {
  Reconstruction r = scene();
  const at::Tensor depth = r.depth.clone();
  const auto apart = [&](size_t a, size_t b) {
    const auto p = r.views[a].camera.centre_in_world();
    const auto q = r.views[b].camera.centre_in_world();
    return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
  };
  const double others = apart(0, 1) / apart(1, 4);
  const double scale = scale_by_distance(r, 1, 4, 3.5);
  EXPECT_NEAR(apart(1, 4), 3.5, kRounding);
  EXPECT_NEAR(apart(0, 1) / 3.5, others, kRounding);
  EXPECT_TRUE(at::allclose(r.depth, depth * scale));
  EXPECT_THAT(message_of<ConfigError>([&] { scale_by_distance(r, 2, 2, 1); }),
              AllOf(HasSubstr("scale-from"), HasSubstr("c.jpg")));
}

}  // namespace
}  // namespace vggt
