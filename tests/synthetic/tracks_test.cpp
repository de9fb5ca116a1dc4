// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/tracks.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <cmath>

namespace vggt::synthetic {
namespace {

// A wall between a point and a camera hides it; a point behind the camera or beside its picture is
// not visible.
TEST(Tracks, HiddenPointsAreNotVisible) {
  kernels::RaycastScene scene;
  scene.materials.resize(1);
  kernels::RaycastPrimitive plate;
  plate.half[0] = plate.half[1] = 1;
  plate.half[2] = 0.1;
  plate.centre[2] = 4;
  scene.primitives.push_back(plate);
  plate.half[0] = plate.half[1] = 0.2;
  plate.centre[2] = 2;
  plate.centre[0] = 3;  // beside the first camera's picture, before the second one
  scene.primitives.push_back(plate);
  const Camera first = {
      .width_px = 4, .height_px = 4, .fx_px = 8, .fy_px = 8, .cx_px = 2, .cy_px = 2};
  Camera second = first;
  second.translation = {-3, 0, 0};
  second.fx_px = second.fy_px = 1;  // sees widely
  second.rotation = {0.8, 0, 0.6, 0, 1, 0, -0.6, 0, 0.8};
  for (size_t row = 0; row < 3; ++row) second.translation[row] = -3 * second.rotation[3 * row];
  Camera behind = first;
  behind.translation = {0, 0, -9};
  Camera beside = first;
  beside.translation = {9, 0, 0};
  at::Tensor depth = at::full({4, 4}, 3.9);
  const Tracks tracks =
      make_tracks(scene, {first, second, behind, beside}, 0, depth, 50, Random(1));
  EXPECT_EQ(tracks.visible[0].sum().item<int64_t>(), 50);
  EXPECT_EQ(tracks.visible[1].sum().item<int64_t>(), 50);
  EXPECT_EQ(tracks.visible[2].sum().item<int64_t>(), 0);
  EXPECT_EQ(tracks.visible[3].sum().item<int64_t>(), 0);
  // With the small plate between the second camera and the points: x from -0.7 to 0.7 at z 3.9 is
  // seen from x = 3 through z = 2 at x from 1.1 to 1.8.
  scene.primitives[1].centre[0] = 1.5;
  scene.primitives[1].half[0] = scene.primitives[1].half[1] = 0.6;
  const Tracks hidden = make_tracks(scene, {first, second}, 0, depth, 50, Random(1));
  EXPECT_EQ(hidden.visible[1].sum().item<int64_t>(), 0);
}

// A pixel of depth z at (x, y) is the point ((x + 0.5 - cx) z / fx, ..., z), moved and turned.
TEST(Tracks, PointsAreThoseOfTheirPixels) {
  kernels::RaycastScene scene;
  scene.materials.resize(1);
  Camera camera = {.width_px = 3, .height_px = 2, .fx_px = 2, .fy_px = 4, .cx_px = 1, .cy_px = 1};
  camera.rotation = {0, 1, 0, -1, 0, 0, 0, 0, 1};
  camera.translation = {1, 2, 3};
  at::Tensor depth = at::zeros({2, 3});
  depth[1][2] = 8;
  const Tracks tracks = make_tracks(scene, {camera}, 0, depth, 4, Random(1));
  // In the camera ((2.5 - 1) * 8 / 2, (1.5 - 1) * 8 / 4, 8) = (6, 1, 8), less t (5, -1, 5), turned
  // back.
  ASSERT_EQ(tracks.points.sizes(), (std::vector<int64_t>{4, 3}));
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_DOUBLE_EQ(tracks.points[i][0].item<double>(), 1);
    EXPECT_DOUBLE_EQ(tracks.points[i][1].item<double>(), 5);
    EXPECT_DOUBLE_EQ(tracks.points[i][2].item<double>(), 5);
    EXPECT_FLOAT_EQ(tracks.pixels[0][i][0].item<float>(), 2.5F);
    EXPECT_FLOAT_EQ(tracks.pixels[0][i][1].item<float>(), 1.5F);
  }
  // Nothing is there in the scene.
  EXPECT_EQ(tracks.visible.sum().item<int64_t>(), 0);
}

TEST(Tracks, AreDrawnFromAllSurfaces) {
  kernels::RaycastScene scene;
  scene.materials.resize(1);
  const Camera camera = {
      .width_px = 8, .height_px = 8, .fx_px = 8, .fy_px = 8, .cx_px = 4, .cy_px = 4};
  at::Tensor depth = at::ones({8, 8});
  depth.slice(0, 0, 4).zero_();  // sky
  const Tracks tracks = make_tracks(scene, {camera}, 0, depth, 2000, Random(3));
  const at::Tensor x = tracks.pixels[0].select(1, 0);
  const at::Tensor y = tracks.pixels[0].select(1, 1);
  EXPECT_FLOAT_EQ(x.min().item<float>(), 0.5F);
  EXPECT_FLOAT_EQ(x.max().item<float>(), 7.5F);
  EXPECT_FLOAT_EQ(y.min().item<float>(), 4.5F);
  EXPECT_FLOAT_EQ(y.max().item<float>(), 7.5F);
  // Five deviations of the mean of uniform numbers.
  EXPECT_NEAR(x.mean().item<double>(), 4, 5 * 8 / std::sqrt(12 * 2000));
}

TEST(Tracks, AreNoneInTheSky) {
  kernels::RaycastScene scene;
  scene.materials.resize(1);
  const Camera camera = {
      .width_px = 4, .height_px = 4, .fx_px = 4, .fy_px = 4, .cx_px = 2, .cy_px = 2};
  const Tracks tracks = make_tracks(scene, {camera, camera}, 0, at::zeros({4, 4}), 7, Random(1));
  EXPECT_EQ(tracks.points.sizes(), (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(tracks.pixels.sizes(), (std::vector<int64_t>{2, 0, 2}));
  EXPECT_EQ(tracks.visible.sizes(), (std::vector<int64_t>{2, 0}));
}

// Points behind a camera must not look as if they were in its picture.
TEST(Tracks, PixelsOfPointsBehindAreFarOutside) {
  kernels::RaycastScene scene;
  scene.materials.resize(1);
  const Camera camera = {
      .width_px = 4, .height_px = 4, .fx_px = 4, .fy_px = 4, .cx_px = 2, .cy_px = 2};
  Camera ahead = camera;
  ahead.translation = {0, 0, -9};
  const Tracks tracks = make_tracks(scene, {camera, ahead}, 0, at::full({4, 4}, 3.0), 5, Random(1));
  EXPECT_LT(tracks.pixels[1].max().item<double>(), -1000);
}

// On each of the four sides a camera that has the points beside its picture.
TEST(Tracks, PointsBesideThePictureAreNotVisible) {
  kernels::RaycastScene scene;
  scene.materials.resize(1);
  kernels::RaycastPrimitive wall;
  wall.half[0] = wall.half[1] = 50;
  wall.half[2] = 0.1;
  wall.centre[2] = 4.1;
  scene.primitives.push_back(wall);
  const Camera first = {
      .width_px = 4, .height_px = 6, .fx_px = 8, .fy_px = 8, .cx_px = 2, .cy_px = 3};
  std::vector<Camera> cameras = {first};
  for (const double way : {-4.0, 4.0}) {
    cameras.push_back(first);
    cameras.back().translation = {way, 0, 0};
    cameras.push_back(first);
    cameras.back().translation = {0, way, 0};
  }
  const Tracks tracks = make_tracks(scene, cameras, 0, at::full({6, 4}, 4.0), 40, Random(1));
  EXPECT_TRUE(tracks.visible[0].all().item<bool>());
  for (int64_t i = 1; i < 5; ++i) EXPECT_FALSE(tracks.visible[i].any().item<bool>()) << i;
  // Half a picture aside, those of the other half are: 2 px of 4, and 3 of 6.
  cameras = {first, first, first};
  cameras[1].translation = {1, 0, 0};
  cameras[2].translation = {0, 1.5, 0};
  const Tracks half = make_tracks(scene, cameras, 0, at::full({6, 4}, 4.0), 40, Random(1));
  EXPECT_TRUE(at::equal(half.visible[1], half.pixels[0].select(1, 0) < 2));
  EXPECT_TRUE(at::equal(half.visible[2], half.pixels[0].select(1, 1) < 3));
}

TEST(Tracks, AreChosenInTheFrameThatIsNamed) {
  kernels::RaycastScene scene;
  scene.materials.resize(1);
  const Camera other = {
      .width_px = 3, .height_px = 2, .fx_px = 9, .fy_px = 9, .cx_px = 1, .cy_px = 1};
  Camera query = other;
  query.translation = {1, 2, 3};
  at::Tensor depth = at::zeros({2, 3});
  depth[0][1] = 9;
  const Tracks tracks = make_tracks(scene, {other, query}, 1, depth, 2, Random(1));
  // ((1.5 - 1) * 9 / 9, (0.5 - 1) * 9 / 9, 9) less the translation.
  EXPECT_DOUBLE_EQ(tracks.points[1][0].item<double>(), -0.5);
  EXPECT_DOUBLE_EQ(tracks.points[1][1].item<double>(), -2.5);
  EXPECT_DOUBLE_EQ(tracks.points[1][2].item<double>(), 6);
  EXPECT_FLOAT_EQ(tracks.pixels[1][0][0].item<float>(), 1.5F);
}

}  // namespace
}  // namespace vggt::synthetic
