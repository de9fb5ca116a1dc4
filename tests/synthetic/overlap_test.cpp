// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/overlap.h"

#include <gtest/gtest.h>

namespace vggt::synthetic {
namespace {

// 100 x 100 px looking along z from (x, 0, 0); at a depth of 4 the picture is 4 wide.
Camera camera_at(double x) {
  Camera camera = {.width_px = 100, .height_px = 100};
  camera.fx_px = camera.fy_px = 100;
  camera.cx_px = camera.cy_px = 50;
  camera.translation = {-x, 0, 0};
  return camera;
}

kernels::RaycastPrimitive plate(double x, double z, double half_width) {
  kernels::RaycastPrimitive solid;
  solid.half[0] = half_width;
  solid.half[1] = 100;
  solid.half[2] = 0.01;
  solid.centre[0] = x;
  solid.centre[2] = z + 0.01;
  return solid;
}

kernels::RaycastScene wall() {
  kernels::RaycastScene scene;
  scene.materials.resize(1);
  scene.primitives.push_back(plate(0, 4, 100));
  return scene;
}

TEST(Overlap, IsTheShareOfThePictureThatBothShow) {
  const kernels::RaycastScene scene = wall();
  EXPECT_DOUBLE_EQ(overlap(scene, camera_at(0), camera_at(0)), 1);
  EXPECT_DOUBLE_EQ(overlap(scene, camera_at(0), camera_at(1)), 0.75);
  EXPECT_DOUBLE_EQ(overlap(scene, camera_at(0), camera_at(-3)), 0.25);
  EXPECT_DOUBLE_EQ(overlap(scene, camera_at(0), camera_at(4.5)), 0);
}

TEST(Overlap, CountsSurfacesAlone) {
  // The left half of the picture shows a plate, the rest the sky.
  kernels::RaycastScene scene;
  scene.materials.resize(1);
  scene.primitives.push_back(plate(-2, 4, 2));
  EXPECT_DOUBLE_EQ(overlap(scene, camera_at(0), camera_at(-1)), 1);
  EXPECT_DOUBLE_EQ(overlap(scene, camera_at(0), camera_at(1)), 0.5);
  scene.primitives.clear();
  EXPECT_DOUBLE_EQ(overlap(scene, camera_at(0), camera_at(0)), 0);
}

TEST(Overlap, LeavesOutWhatIsHidden) {
  kernels::RaycastScene scene = wall();
  // Close before the camera at 1 and beside the picture of the one at 0.
  scene.primitives.push_back(plate(1.1, 1, 0.58));
  EXPECT_DOUBLE_EQ(overlap(scene, camera_at(0), camera_at(1)), 0);
}

TEST(Overlap, LeavesOutWhatIsBehind) {
  Camera turned = camera_at(0);
  turned.rotation = {-1, 0, 0, 0, 1, 0, 0, 0, -1};
  kernels::RaycastScene scene = wall();
  scene.primitives.push_back(plate(0, -4, 100));
  EXPECT_DOUBLE_EQ(overlap(scene, camera_at(0), turned), 0);
}

TEST(AreConnected, ByAChainOfPairs) {
  const kernels::RaycastScene scene = wall();
  // Neighbours share half, the outer ones nothing.
  const std::vector<Camera> chain = {camera_at(0), camera_at(4), camera_at(2)};
  EXPECT_TRUE(are_connected(scene, chain, 0.45));
  EXPECT_FALSE(are_connected(scene, chain, 0.55));
  EXPECT_FALSE(are_connected(scene, {camera_at(0), camera_at(4)}, 0.1));
  EXPECT_TRUE(are_connected(scene, {camera_at(0)}, 0.9));
  // Two pairs that do not meet.
  EXPECT_FALSE(
      are_connected(scene, {camera_at(0), camera_at(1), camera_at(20), camera_at(21)}, 0.5));
}

TEST(AreConnected, ByTheSmallerOverlapOfAPair) {
  Camera narrow = camera_at(0);
  narrow.fx_px = narrow.fy_px = 400;
  const kernels::RaycastScene scene = wall();
  EXPECT_DOUBLE_EQ(overlap(scene, narrow, camera_at(0)), 1);
  EXPECT_DOUBLE_EQ(overlap(scene, camera_at(0), narrow), 1.0 / 16);
  EXPECT_FALSE(are_connected(scene, {narrow, camera_at(0)}, 0.1));
  EXPECT_FALSE(are_connected(scene, {camera_at(0), narrow}, 0.1));
  EXPECT_TRUE(are_connected(scene, {camera_at(0), narrow}, 0.05));
}

TEST(UsableShare, IsOfSurfacesThatAreNotTooNear) {
  kernels::RaycastScene scene;
  scene.materials.resize(1);
  scene.primitives.push_back(plate(-2, 4, 2));       // the left half
  scene.primitives.push_back(plate(0.5, 0.5, 0.5));  // the right one
  EXPECT_DOUBLE_EQ(usable_share(scene, camera_at(0), 0), 1);
  EXPECT_DOUBLE_EQ(usable_share(scene, camera_at(0), 1), 0.5);
  EXPECT_DOUBLE_EQ(usable_share(scene, camera_at(0), 5), 0);
}

}  // namespace
}  // namespace vggt::synthetic
