// SPDX-License-Identifier: Apache-2.0
#include "src/eval/ground_truth.h"

#include "tests/support/plane_and_box.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vggt::eval {
namespace {

// A portrait whose top and bottom the network does not see, at half its size.
const PixelMap kCropped{.stored_width_px = 200,
                        .stored_height_px = 400,
                        .scale_x = 0.5,
                        .scale_y = 0.5,
                        .offset_x_px = 0,
                        .offset_y_px = -50,
                        .network_width_px = 100,
                        .network_height_px = 100};

TEST(DepthOnTruth, LiesWhereThePixelsLie) {
  // The depth of a slanted plane is linear in the pixels' centres. Cubic weights of a = -0.75,
  // which OpenCV's and LibTorch's are, leave a straight line by up to 0.05 of its rise per pixel;
  // half a pixel off would be ten times that. At the border they look beyond the picture.
  constexpr double kTolerance = 0.05 * (0.03 + 0.01);
  const at::Tensor y = at::arange(100, at::kFloat).unsqueeze(1) + 0.5;
  const at::Tensor x = at::arange(100, at::kFloat).unsqueeze(0) + 0.5;
  const at::Tensor predicted = 2 + 0.03 * x + 0.01 * y;
  const at::Tensor on_truth = depth_on_truth(predicted, kCropped, 800, 400);
  const auto value = on_truth.accessor<float, 2>();
  int64_t seen = 0;
  for (int64_t row = 0; row < 800; ++row) {
    for (int64_t column = 0; column < 400; ++column) {
      const double u = (column + 0.5) / 4;
      const double v = (row + 0.5) / 4 - 50;
      if (v < 0 || v > 100) {
        ASSERT_TRUE(std::isnan(value[row][column])) << row;
        continue;
      }
      ++seen;
      if (u < 2 || v < 2 || u > 98 || v > 98) continue;
      ASSERT_NEAR(value[row][column], 2 + 0.03 * u + 0.01 * v, kTolerance) << row << ' ' << column;
    }
  }
  EXPECT_EQ(seen, 400 * 400);
}

TEST(PointsOnNetwork, AreThoseOfTheScene) {
  // A true depth map of the stored size; the network's pixels look at the middle of two by two of
  // its pixels, so the nearest depth is that of a ray a quarter of a network pixel away.
  const PlaneAndBox scene(3);
  const Camera stored = scene.camera(1, 200, 400);
  const Camera network{.width_px = 100,
                       .height_px = 100,
                       .fx_px = stored.fx_px / 2,
                       .fy_px = stored.fy_px / 2,
                       .cx_px = stored.cx_px / 2,
                       .cy_px = stored.cy_px / 2 - 50,
                       .rotation = stored.rotation,
                       .translation = stored.translation};
  at::Tensor depth = scene.render(stored).depth;
  depth = depth.masked_fill(depth >= 30, 0);  // the sky
  const at::Tensor points = points_on_network(depth, stored, kCropped);
  const at::Tensor exact = scene.render(network).depth;
  const auto p = points.accessor<double, 3>();
  const auto z = exact.accessor<float, 2>();
  int64_t near = 0;
  int64_t all = 0;
  for (int64_t y = 0; y < 100; ++y) {
    for (int64_t x = 0; x < 100; ++x) {
      if (std::isnan(p[y][x][0])) continue;
      double in_cam[3];
      for (int k = 0; k < 3; ++k) {
        in_cam[k] = stored.translation[k];
        for (int j = 0; j < 3; ++j) in_cam[k] += stored.rotation[3 * k + j] * p[y][x][j];
      }
      // It lies on the pixel's ray exactly.
      ASSERT_NEAR(network.fx_px * in_cam[0] / in_cam[2] + network.cx_px, x + 0.5, 1e-9);
      ASSERT_NEAR(network.fy_px * in_cam[1] / in_cam[2] + network.cy_px, y + 0.5, 1e-9);
      ++all;
      near += std::abs(in_cam[2] - z[y][x]) < 0.02 * z[y][x];
    }
  }
  EXPECT_GT(all, 5000);
  EXPECT_GT(near, all * 95 / 100);  // the rest are edges
}

TEST(PointsOnNetwork, HaveNoneWhereThereIsNoDepthOrPicture) {
  at::Tensor depth = at::ones({400, 200}, at::kFloat);
  depth.slice(0, 0, 200).zero_();
  PixelMap padded = kCropped;
  padded.offset_x_px = 20;
  const at::Tensor points = points_on_network(depth, PlaneAndBox(2).camera(0, 200, 400), padded);
  EXPECT_TRUE(std::isnan(points[20][60][0].item<double>()));   // no depth
  EXPECT_FALSE(std::isnan(points[80][60][0].item<double>()));  // depth
  EXPECT_TRUE(std::isnan(points[80][10][0].item<double>()));   // padding
}

}  // namespace
}  // namespace vggt::eval
