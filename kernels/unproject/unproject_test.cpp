// SPDX-License-Identifier: Apache-2.0
#include "kernels/unproject/unproject.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <tuple>

#include "src/base/device.h"
#include "src/weights/synthetic.h"
#include "tests/support/golden.h"

namespace vggt::kernels {
namespace {

using vggt::testing::golden;

// The largest difference, relative to the larger of 1 and the expected value.
double relative_difference(const at::Tensor& actual, const at::Tensor& expected) {
  return ((actual - expected).abs() / expected.abs().clamp_min(1)).max().item<double>();
}

TEST(Unproject, AgreesWithTheOriginal) {
  auto in = golden("geometry/unproject");
  const at::Tensor depth = in.at("depth").squeeze(3);
  const at::Tensor points = unproject(depth, in.at("extrinsics"), in.at("intrinsics"), at::kDouble);
  ASSERT_EQ(points.sizes(), in.at("world_points_f64").sizes());
  ASSERT_EQ(points.scalar_type(), at::kDouble);
  // The fixture's tolerance.
  EXPECT_LT(relative_difference(points, in.at("world_points_f64")), 1e-6);
  const at::Tensor from_double = unproject(depth.to(at::kDouble),
                                           in.at("extrinsics").to(at::kDouble),
                                           in.at("intrinsics").to(at::kDouble),
                                           at::kDouble);
  EXPECT_LT(relative_difference(from_double, in.at("world_points_all_double_inputs")), 1e-6);
}

TEST(Unproject, DoesNotMaskAnyDepth) {
  auto in = golden("geometry/unproject");
  const at::Tensor depth = in.at("depth").squeeze(3);
  ASSERT_TRUE((depth == 0).any().item<bool>());
  ASSERT_TRUE((depth < 0).any().item<bool>());
  const at::Tensor rotation = in.at("extrinsics").slice(2, 0, 3).to(at::kDouble);
  const at::Tensor translation = in.at("extrinsics").slice(2, 3, 4).to(at::kDouble);
  const at::Tensor points = unproject(depth, in.at("extrinsics"), in.at("intrinsics"), at::kDouble);
  const at::Tensor in_cam =
      at::matmul(rotation, points.flatten(1, 2).transpose(1, 2)) + translation;
  // The depth comes back: float32's rounding of the camera point.
  EXPECT_LT((in_cam.select(1, 2) - depth.flatten(1)).abs().max().item<double>(), 1e-5);
}

TEST(Unproject, UsesIntegerPixels) {
  // Identity pose, focal length 2, principal point (1, 0.5), depth 4.
  const at::Tensor extrinsics = at::eye(3, 4, at::kFloat).unsqueeze(0);
  const at::Tensor intrinsics =
      at::tensor({2.0f, 0.0f, 1.0f, 0.0f, 2.0f, 0.5f, 0.0f, 0.0f, 1.0f}).view({1, 3, 3});
  const at::Tensor points =
      unproject(at::full({1, 2, 3}, 4.0f), extrinsics, intrinsics, at::kDouble);
  EXPECT_TRUE(at::equal(points[0][1][2], at::tensor({2.0, 1.0, 4.0}, at::kDouble)))
      << points[0][1][2];
  EXPECT_TRUE(at::equal(points[0][0][0], at::tensor({-2.0, -1.0, 4.0}, at::kDouble)))
      << points[0][0][0];
}

// The pass over float maps against plain ATen: a rounding of the last sum may differ.
void expect_like_reference(at::Device device) {
  for (const auto& [frames, height, width] :
       {std::tuple{1, 1, 1}, {3, 5, 7}, {2, 33, 300}, {70, 2, 3}, {0, 4, 4}, {2, 0, 4}}) {
    SCOPED_TRACE(::testing::Message() << frames << " x " << height << " x " << width);
    const auto values = [&](at::IntArrayRef shape, const char* key) {
      return synthetic_parameter(key, shape, 5).to(device);
    };
    // Strided and misaligned, as a slice of larger maps is.
    const at::Tensor depth =
        values({frames, height, 2 * width}, "x.pos_embed").slice(2, 1, 1 + width);
    const at::Tensor extrinsics = values({frames, 3, 4}, "a.pos_embed").to(at::kDouble);
    const at::Tensor intrinsics = (values({frames, 3, 3}, "b.pos_embed") + 3).to(at::kDouble);
    const at::Tensor points = unproject(depth, extrinsics, intrinsics, at::kFloat);
    const at::Tensor expected = unproject_reference(depth, extrinsics, intrinsics, at::kFloat);
    EXPECT_EQ(points.scalar_type(), at::kFloat);
    ASSERT_EQ(points.sizes(), expected.sizes());
    EXPECT_TRUE(at::allclose(points, expected, 3e-7, 1e-6));
  }
}

TEST(Unproject, IsOnePassOverFloatMaps) { expect_like_reference(at::kCPU); }

TEST(Unproject, IsOnePassOnAGpu) {
  const c10::Device device = select_device("auto");
  if (!device.is_cuda()) GTEST_SKIP() << "no GPU";
  expect_like_reference(device);
}

TEST(Unproject, KeepsWhatIsNoNumber) {
  at::Tensor depth = at::ones({1, 1, 3});
  depth[0][0][1] = std::numeric_limits<float>::quiet_NaN();
  depth[0][0][2] = std::numeric_limits<float>::infinity();
  const at::Tensor points =
      unproject(depth, at::eye(3, 4).unsqueeze(0), at::eye(3).unsqueeze(0), at::kFloat);
  EXPECT_TRUE(at::isfinite(points[0][0][0]).all().item<bool>());
  EXPECT_TRUE(at::isnan(points[0][0][1]).all().item<bool>());
  EXPECT_FALSE(at::isfinite(points[0][0][2]).any().item<bool>());
}

TEST(Unproject, RefusesOtherShapes) {
  const at::Tensor depth = at::ones({2, 4, 5});
  const at::Tensor extrinsics = at::ones({2, 3, 4});
  const at::Tensor intrinsics = at::ones({2, 3, 3});
  EXPECT_THROW(unproject(depth.unsqueeze(3), extrinsics, intrinsics, at::kFloat), c10::Error);
  EXPECT_THROW(unproject(depth, intrinsics, intrinsics, at::kFloat), c10::Error);
  EXPECT_THROW(unproject(depth, extrinsics, extrinsics, at::kFloat), c10::Error);
}

}  // namespace
}  // namespace vggt::kernels
