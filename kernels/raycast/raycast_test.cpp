// SPDX-License-Identifier: Apache-2.0
#include "kernels/raycast/raycast.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <cmath>

#include "src/base/device.h"
#include "src/base/error.h"
#include "src/synthetic/random.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using synthetic::Random;
using ::testing::HasSubstr;

// A rotation by three drawn angles.
void draw_rotation(Random& random, double* matrix) {
  const double a = random.uniform(0, 6.3);
  const double b = random.uniform(0, 6.3);
  const double z[9] = {std::cos(a), -std::sin(a), 0, std::sin(a), std::cos(a), 0, 0, 0, 1};
  const double x[9] = {1, 0, 0, 0, std::cos(b), -std::sin(b), 0, std::sin(b), std::cos(b)};
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      matrix[3 * row + column] = 0;
      for (int k = 0; k < 3; ++k) matrix[3 * row + column] += z[3 * row + k] * x[3 * k + column];
    }
  }
}

// All shapes, turned in all directions, in a room of 6 x 5 x 3.
RaycastScene drawn_scene(uint64_t seed, int solids) {
  Random random(seed);
  RaycastScene scene;
  scene.materials.resize(4);
  for (int32_t i = 0; i < 4; ++i) {
    RaycastMaterial& material = scene.materials[static_cast<size_t>(i)];
    material.texture = i;
    material.stain = 0.3F;
    material.repeats = i == 3 ? 0 : 0.7F * static_cast<float>(i + 1);
    material.gloss = i == 1 ? 0.5F : 0;
  }
  scene.light.sun_direction[0] = 0.48F;
  scene.light.sun_direction[2] = std::sqrt(1 - 0.48F * 0.48F);
  scene.light.points[0] = {{0, 0, 2.5F}, {1, 0.9F, 0.8F}};
  RaycastPrimitive room;
  room.shape = RaycastShape::kRoom;
  room.centre[2] = 1.5;
  room.half[0] = 3;
  room.half[1] = 2.5;
  room.half[2] = 1.5;
  for (int i = 0; i < solids; ++i) {
    if (i == solids / 2) scene.primitives.push_back(room);  // not the first
    RaycastPrimitive solid;
    const RaycastShape shapes[] = {
        RaycastShape::kBox, RaycastShape::kEllipsoid, RaycastShape::kFrustum};
    solid.shape = shapes[i % 3];
    draw_rotation(random, solid.rotation);
    for (double& half : solid.half) half = random.uniform(0.05, 0.5);
    if (i % 9 == 2) solid.half[0] = solid.half[1];  // a cylinder
    if (i % 9 == 5) solid.half[1] = 0;              // a cone
    solid.centre[0] = random.uniform(-2, 2);
    solid.centre[1] = random.uniform(-0.5, 2);
    solid.centre[2] = random.uniform(0.1, 2);
    for (int32_t& material : solid.materials) material = static_cast<int32_t>(random.index(4));
    scene.primitives.push_back(solid);
  }
  return scene;
}

// From y = -2.3, looking along y; x_in_cam = (x, -z, y) moved by (-x, height, 2.3).
RaycastCamera camera_at(double x, double height, int64_t height_px, int64_t width_px) {
  RaycastCamera camera;
  camera.fx_px = 0.8 * static_cast<double>(width_px);
  camera.fy_px = 0.9 * static_cast<double>(width_px);
  camera.cx_px = 0.5 * static_cast<double>(width_px);
  camera.cy_px = 0.45 * static_cast<double>(height_px);
  const double matrix[9] = {1, 0, 0, 0, 0, -1, 0, 1, 0};
  std::copy(matrix, matrix + 9, camera.rotation);
  camera.translation[0] = -x;
  camera.translation[1] = height;
  camera.translation[2] = 2.3;
  return camera;
}

at::Tensor drawn_atlas() {
  at::Tensor textures = at::empty({4, 3, 32, 32}, at::kByte);
  auto* const to = textures.mutable_data_ptr<uint8_t>();
  Random random(3);
  for (int64_t i = 0; i < textures.numel(); ++i) to[i] = static_cast<uint8_t>(random.index(256));
  return raycast_atlas(textures);
}

at::Tensor one_texture(int64_t red, int64_t green, int64_t blue) {
  return raycast_atlas(
      at::tensor({red, green, blue}, at::kByte).view({1, 3, 1, 1}).expand({1, 3, 4, 4}));
}

struct Size {
  int64_t height;
  int64_t width;
};

TEST(Raycast, FindsWhatBruteForceFinds) {
  // Tiles are of 16 px: one pixel, less than a tile, not whole tiles, portrait.
  for (const Size& size : {Size{1, 1}, Size{5, 9}, Size{53, 37}, Size{40, 130}}) {
    for (const int solids : {1, 40, 120}) {
      const RaycastScene scene = drawn_scene(static_cast<uint64_t>(solids), solids);
      const std::vector<RaycastCamera> cameras = {camera_at(0, 1.4, size.height, size.width),
                                                  camera_at(0.7, 0.8, size.height, size.width)};
      const RaycastPictures ours = raycast(scene, drawn_atlas(), cameras, size.height, size.width);
      const RaycastPictures truth = raycast_reference(scene, cameras, size.height, size.width);
      const at::Tensor same = ours.primitive.eq(truth.primitive);
      // Only rays that pass an outline within float32's rounding differ: one of some thousands.
      EXPECT_LE(same.logical_not().sum().item<int64_t>(), 1 + same.numel() / 2000);
      // The direction of a pixel's ray, of length 1 along the axis.
      const at::Tensor depth_error = (ours.depth - truth.depth).abs();
      const at::Tensor normals = truth.normal;
      for (int64_t view = 0; view < 2; ++view) {
        const RaycastCamera& camera = cameras[static_cast<size_t>(view)];
        const at::Tensor x =
            (at::arange(size.width, at::kDouble) + 0.5 - camera.cx_px) / camera.fx_px;
        const at::Tensor y =
            (at::arange(size.height, at::kDouble) + 0.5 - camera.cy_px) / camera.fy_px;
        const at::Tensor length = (1 + y.square().unsqueeze(1) + x.square()).sqrt();
        const at::Tensor cosine =
            ((normals[view][0] * x + normals[view][1] - normals[view][2] * y.unsqueeze(1)) / length)
                .abs()
                .clamp_min(1e-3);
        // Coordinates up to 8 are rounded by up to 5e-7, several times; along a ray that slants
        // over a surface, one over the cosine of that; where it touches a curved one, the root of
        // that.
        const at::Tensor bound = 3e-6 / cosine.square();
        const at::Tensor too_far = depth_error[view].gt(bound).logical_and(same[view]);
        EXPECT_EQ(too_far.sum().item<int64_t>(), 0) << solids << " solids, " << size.width;
        // Directions err by the place's error over the radius of curvature, at least 0.01.
        const at::Tensor cos_normals = (ours.normal[view].to(at::kDouble) * normals[view]).sum(0);
        const at::Tensor turned =
            cos_normals.lt(0.999).logical_and(same[view]).logical_and(cosine.gt(0.05));
        EXPECT_LE(turned.sum().item<int64_t>(), same[view].numel() / 2000) << solids;
      }
    }
  }
}

RaycastPrimitive solid_at(RaycastShape shape, double y, double a, double b, double c) {
  RaycastPrimitive solid;
  solid.shape = shape;
  solid.centre[1] = y;
  solid.half[0] = a;
  solid.half[1] = b;
  solid.half[2] = c;
  return solid;
}

// One solid before the camera at the origin's height, looking along y from y = -2.3.
double middle_depth(const RaycastPrimitive& solid) {
  RaycastScene scene;
  scene.materials.resize(1);
  scene.primitives = {solid};
  RaycastCamera camera = camera_at(0, 0, 3, 3);
  camera.cy_px = 1.5;
  return raycast(scene, one_texture(1, 2, 3), {camera}, 3, 3).depth[0][1][1].item<double>();
}

TEST(Raycast, DepthByHand) {
  EXPECT_FLOAT_EQ(middle_depth(solid_at(RaycastShape::kBox, 1, 0.5, 0.25, 0.5)), 3.05);
  EXPECT_FLOAT_EQ(middle_depth(solid_at(RaycastShape::kEllipsoid, 1, 0.5, 0.25, 0.5)), 3.05);
  EXPECT_FLOAT_EQ(middle_depth(solid_at(RaycastShape::kRoom, 1, 9, 4, 9)), 7.3);
  EXPECT_FLOAT_EQ(middle_depth(solid_at(RaycastShape::kFrustum, 1, 0.5, 0.5, 2)), 2.8);
  // A cone's radius half way up is half of that below.
  EXPECT_FLOAT_EQ(middle_depth(solid_at(RaycastShape::kFrustum, 1, 0.5, 0, 2)), 3.05);
  EXPECT_EQ(middle_depth(solid_at(RaycastShape::kBox, -9, 0.5, 0.5, 0.5)), 0);  // behind
}

TEST(Raycast, SeesSmallThingsFarAwayExactly) {
  // The textbook's formula in float32 is off by 1e-2 here.
  EXPECT_NEAR(
      middle_depth(solid_at(RaycastShape::kEllipsoid, 200, 0.05, 0.05, 0.05)), 202.25, 2e-5);
}

TEST(Raycast, DoesNotDependOnThreads) {
  const RaycastScene scene = drawn_scene(5, 60);
  const std::vector<RaycastCamera> cameras = {camera_at(0, 1.4, 70, 61)};
  const at::Tensor atlas = drawn_atlas();
  const int threads = at::get_num_threads();
  const RaycastPictures many = raycast(scene, atlas, cameras, 70, 61);
  at::set_num_threads(1);
  const RaycastPictures one = raycast(scene, atlas, cameras, 70, 61);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(many.colour, one.colour));
  EXPECT_TRUE(at::equal(many.depth, one.depth));
  EXPECT_TRUE(at::equal(many.normal, one.normal));
  EXPECT_TRUE(at::equal(many.primitive, one.primitive));
}

TEST(Raycast, SmoothOutlinesChangeColourAtOutlinesAlone) {
  const RaycastScene scene = drawn_scene(5, 20);
  const std::vector<RaycastCamera> cameras = {camera_at(0, 1.4, 70, 61)};
  const at::Tensor atlas = drawn_atlas();
  const RaycastPictures smooth = raycast(scene, atlas, cameras, 70, 61);
  const RaycastPictures plain = raycast(scene, atlas, cameras, 70, 61, {.smooth_outlines = false});
  EXPECT_TRUE(at::equal(smooth.depth, plain.depth));
  EXPECT_TRUE(at::equal(smooth.primitive, plain.primitive));
  const double changed = smooth.colour.ne(plain.colour).any(1).to(at::kFloat).mean().item<double>();
  EXPECT_GT(changed, 0.05);
  EXPECT_LT(changed, 0.6);
}

// A surface with light of its own has its texture's colour, squared, times its tint.
TEST(Raycast, ColourIsTextureAndTint) {
  RaycastScene scene;
  scene.materials.resize(1);
  scene.materials[0].emission = 2;
  scene.materials[0].tint[1] = 0.5F;
  scene.primitives = {solid_at(RaycastShape::kBox, 1, 9, 0.5, 9)};
  const RaycastPictures pictures =
      raycast(scene, one_texture(51, 102, 255), {camera_at(0, 0, 4, 4)}, 4, 4);
  const double expected[3] = {2 * 0.2 * 0.2, 2 * 0.4 * 0.4 * 0.5, 2};
  for (int64_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(pictures.colour[0][c][2][2].item<double>(), expected[c], 1e-6) << c;
  }
}

// A picture that fills a box's front, seen from the front: its left is left and its top is top.
TEST(Raycast, PicturesAreNotMirrored) {
  at::Tensor texture = at::zeros({1, 3, 64, 64}, at::kByte);
  texture[0][0].slice(1, 0, 32).fill_(255);  // red: left
  texture[0][1].slice(0, 0, 32).fill_(255);  // green: top
  RaycastScene scene;
  scene.materials.resize(1);
  scene.materials[0].emission = 1;
  scene.materials[0].repeats = 0;
  scene.primitives = {solid_at(RaycastShape::kBox, 1, 1, 0.5, 1)};
  RaycastCamera camera = camera_at(0, 0, 40, 40);
  camera.cy_px = 20;
  const RaycastPictures pictures = raycast(scene, raycast_atlas(texture), {camera}, 40, 40);
  const auto colour = pictures.colour[0];
  EXPECT_GT(colour[0][20][13].item<double>(), 0.9);
  EXPECT_LT(colour[0][20][26].item<double>(), 0.1);
  EXPECT_GT(colour[1][13][20].item<double>(), 0.9);
  EXPECT_LT(colour[1][26][20].item<double>(), 0.1);
}

// The ground below a plate in the sun, straight from above: dark under it, light beside it.
TEST(Raycast, CastsShadows) {
  RaycastScene scene;
  scene.materials.resize(1);
  scene.light.occlusion = 0;
  for (int c = 0; c < 3; ++c) scene.light.sky_light[c] = scene.light.ground_light[c] = 0.25F;
  RaycastPrimitive ground = solid_at(RaycastShape::kBox, 3, 4, 4, 0.1);
  ground.centre[2] = -0.6;
  RaycastPrimitive plate = solid_at(RaycastShape::kBox, 3, 0.5, 0.5, 0.05);
  plate.centre[2] = 2;
  scene.primitives = {ground, plate};
  RaycastCamera camera = camera_at(0, 0.6, 60, 60);
  const RaycastPictures pictures = raycast(scene, one_texture(255, 255, 255), {camera}, 60, 60);
  // The ground is 1.1 below the eye: at depth 5.3 in row cy + fy * 1.1 / 5.3.
  const auto row = static_cast<int64_t>(0.45 * 60 + 0.9 * 60 * 1.1 / 5.3);
  EXPECT_NEAR(pictures.depth[0][row][30].item<double>(), 5.3, 0.3);
  EXPECT_NEAR(pictures.colour[0][0][row][30].item<double>(), 0.25, 1e-6);
  EXPECT_NEAR(pictures.colour[0][0][row][50].item<double>(), 1.25, 1e-6);
}

TEST(Raycast, LevelsAreMeansOfLight) {
  at::Tensor texture = at::zeros({1, 3, 2, 2}, at::kByte);
  texture[0][0][0][0] = 200;
  const at::Tensor atlas = raycast_atlas(texture);
  ASSERT_EQ(atlas.size(1), 5);
  EXPECT_EQ(atlas[0][0].item<int>(), 200);
  EXPECT_EQ(atlas[0][4].item<int>(), 100);  // the root of a quarter of 200^2
}

TEST(Raycast, DepthOfSingleRaysIsThatOfThePicture) {
  const RaycastScene scene = drawn_scene(9, 50);
  const RaycastCamera camera = camera_at(0.2, 1.2, 30, 41);
  const at::Tensor depth = raycast(scene, drawn_atlas(), {camera}, 30, 41).depth[0];
  const at::Tensor x = (at::arange(41, at::kDouble) + 0.5).expand({30, 41});
  const at::Tensor y = (at::arange(30, at::kDouble) + 0.5).unsqueeze(1).expand({30, 41});
  const at::Tensor pixels = at::stack({x, y}, 2).view({-1, 2});
  EXPECT_TRUE(at::equal(raycast_depth(scene, camera, pixels).view({30, 41}), depth));
}

TEST(Raycast, ClearanceIsTheDistanceToTheNearestSurface) {
  RaycastScene scene;
  scene.materials.resize(1);
  scene.primitives = {solid_at(RaycastShape::kRoom, 0, 4, 4, 4),
                      solid_at(RaycastShape::kBox, 0, 1, 1, 1),
                      solid_at(RaycastShape::kFrustum, 3, 0.5, 0.5, 1)};
  const double beside[3] = {2, 0, 0};
  const double inside[3] = {0.5, 0, 0};
  const double outside[3] = {5, 0, 0};
  const double by_frustum[3] = {0, 2.3, 0};
  EXPECT_NEAR(raycast_clearance(scene, beside), 1, 1e-6);
  EXPECT_NEAR(raycast_clearance(scene, inside), -0.5, 1e-6);
  EXPECT_NEAR(raycast_clearance(scene, outside), -1, 1e-6);
  EXPECT_NEAR(raycast_clearance(scene, by_frustum), 0.2, 1e-6);
}

TEST(Raycast, TakesNothing) {
  RaycastScene scene;
  const at::Tensor atlas = one_texture(1, 2, 3);
  EXPECT_EQ(raycast(scene, atlas, {}, 4, 5).depth.sizes(), (std::vector<int64_t>{0, 4, 5}));
  const RaycastPictures sky = raycast(scene, atlas, {camera_at(0, 0, 4, 5)}, 4, 5);
  EXPECT_EQ(sky.depth.abs().max().item<double>(), 0);
  EXPECT_EQ(sky.primitive.max().item<int>(), -1);
  EXPECT_GT(sky.colour.min().item<double>(), 0);
}

TEST(Raycast, RefusesWhatDoesNotFit) {
  const at::Tensor atlas = one_texture(1, 2, 3);
  const std::vector<RaycastCamera> cameras = {camera_at(0, 0, 4, 4)};
  const auto message = [&](const RaycastScene& scene, const at::Tensor& with, int64_t width) {
    return message_of<c10::Error>([&] { raycast(scene, with, cameras, 4, width); });
  };
  RaycastScene scene = drawn_scene(1, 3);
  EXPECT_THAT(message(scene, atlas, 4), HasSubstr("texture is none of the 1 layers"));
  EXPECT_THAT(message(scene, drawn_atlas(), 0), HasSubstr("pictures of 0 x 4"));
  EXPECT_THAT(message(scene, drawn_atlas().to(at::kLong), 4), HasSubstr("[layers, T] int32"));
  EXPECT_THAT(message(scene, at::zeros({4, 6}, at::kInt), 4), HasSubstr("6 texels"));
  scene.primitives[0].materials[1] = 7;
  EXPECT_THAT(message(scene, drawn_atlas(), 4), HasSubstr("no material 7"));
  scene = drawn_scene(1, 3);
  scene.primitives[0].half[2] = 0;
  EXPECT_THAT(message(scene, drawn_atlas(), 4), HasSubstr("no size"));
  EXPECT_THROW(raycast_atlas(at::zeros({1, 3, 6, 6}, at::kByte)), c10::Error);
}

TEST(RaycastOnGpu, AgreesWithTheCpu) {
  c10::Device device(c10::kCPU);
  try {
    device = select_device("cuda");
  } catch (const ConfigError& error) {
    GTEST_SKIP() << error.what();
  }
  const at::Tensor atlas = drawn_atlas();
  for (const Size& size : {Size{1, 1}, Size{53, 37}, Size{140, 140}}) {
    for (const int solids : {1, 120, 2500}) {
      const RaycastScene scene = drawn_scene(static_cast<uint64_t>(solids), solids);
      const std::vector<RaycastCamera> cameras = {camera_at(0, 1.4, size.height, size.width),
                                                  camera_at(0.7, 0.8, size.height, size.width)};
      const RaycastPictures cpu = raycast(scene, atlas, cameras, size.height, size.width);
      const RaycastPictures gpu =
          raycast(scene, atlas.to(device), cameras, size.height, size.width);
      EXPECT_TRUE(gpu.colour.is_cuda());
      const at::Tensor same = gpu.primitive.cpu().eq(cpu.primitive);
      // The GPU fuses multiplications and additions: rays at outlines may pass on the other side.
      EXPECT_LE(same.logical_not().sum().item<int64_t>(), 1 + same.numel() / 500);
      const at::Tensor error = ((gpu.depth.cpu() - cpu.depth).abs() / cpu.depth.clamp_min(1e-3));
      // Slanting rays err more than this, and are few.
      const double depth_share =
          error.gt(1e-5).logical_and(same).to(at::kFloat).mean().item<double>();
      EXPECT_LT(depth_share, 2e-3) << solids;
      // Texture places are rounded to a 256th of a texel, and its neighbours differ by up to 255.
      const at::Tensor colour_error = (gpu.colour.cpu() - cpu.colour).abs().amax(1);
      const double colour_share =
          colour_error.gt(2e-2).logical_and(same).to(at::kFloat).mean().item<double>();
      EXPECT_LT(colour_share, 1e-2) << solids;
    }
  }
}

}  // namespace
}  // namespace vggt::kernels
