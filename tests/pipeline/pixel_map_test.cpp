// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/pixel_map.h"

#include "src/pipeline/preprocess.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace vggt {
namespace {

// Positions in pixels: what double arithmetic loses at a few thousand pixels is far below.
constexpr double kTolerancePx = 1e-9;

/// A map of every orientation and fit, for landscape and portrait, alone and padded among others.
std::vector<PixelMap> all_maps() {
  std::vector<PixelMap> maps;
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const FitMode fit : {FitMode::kCrop, FitMode::kPad, FitMode::kSquare}) {
      for (const bool landscape : {true, false}) {
        const int64_t width = landscape ? 90 : 47;
        const int64_t height = landscape ? 61 : 83;
        const bool turned = clockwise_quarter_turns(orientation) % 2 == 1;
        const PreprocessOptions options{.fit = fit, .target_px = 70};
        const FittedImage image = fit_image(at::zeros({height, width, 3}, at::kByte),
                                            turned ? height : width,
                                            turned ? width : height,
                                            orientation,
                                            options);
        const FittedImage larger{at::zeros({3, 84, 98}, at::kByte), {}};
        maps.push_back(image.map);
        maps.push_back(stack_images({image, larger}).maps[0]);
      }
    }
  }
  return maps;
}

std::array<double, 2> project(const Camera& camera, const std::array<double, 3>& x_in_world) {
  double x_in_cam[3];
  for (int row = 0; row < 3; ++row) {
    x_in_cam[row] = camera.translation[row];
    for (int k = 0; k < 3; ++k) x_in_cam[row] += camera.rotation[3 * row + k] * x_in_world[k];
  }
  return {camera.fx_px * x_in_cam[0] / x_in_cam[2] + camera.cx_px,
          camera.fy_px * x_in_cam[1] / x_in_cam[2] + camera.cy_px};
}

Camera some_camera() {
  Camera camera{
      .width_px = 70, .height_px = 56, .fx_px = 61, .fy_px = 67, .cx_px = 33, .cy_px = 30};
  const double c = std::cos(0.4);
  const double s = std::sin(0.4);
  const double d = std::cos(-0.3);
  const double t = std::sin(-0.3);
  camera.rotation = {c, -s * d, s * t, s, c * d, -c * t, 0, t, d};
  camera.translation = {0.3, -0.2, 4};
  return camera;
}

TEST(PixelMap, GoesThereAndBackForEveryOrientationAndFit) {
  for (const PixelMap& map : all_maps()) {
    for (const auto& [x, y] : {std::array{0.0, 0.0}, {13.25, 40.5}, {69.0, 3.0}, {-5.0, 100.0}}) {
      const auto stored = map.stored_from_network(x, y);
      const auto network = map.network_from_stored(stored[0], stored[1]);
      EXPECT_NEAR(network[0], x, kTolerancePx) << map.orientation;
      EXPECT_NEAR(network[1], y, kTolerancePx) << map.orientation;
    }
  }
}

TEST(PixelMap, CarriesTheCornersOfThePictureToTheCornersOfTheFile) {
  // Where the top-left corner of what is seen lies in a file of 40 x 30; mirrors are left out, so
  // 2, 5, 4 and 7 go as 1, 6, 3 and 8.
  const std::array<double, 2> expected[] = {
      {0, 0}, {0, 0}, {40, 30}, {40, 30}, {0, 30}, {0, 30}, {40, 0}, {40, 0}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    PixelMap map;
    map.stored_width_px = 40;
    map.stored_height_px = 30;
    map.orientation = orientation;
    const bool turned = orientation >= 5;
    EXPECT_EQ(map.upright_width_px(), turned ? 30 : 40);
    EXPECT_EQ(map.upright_height_px(), turned ? 40 : 30);
    EXPECT_EQ(map.stored_from_network(0, 0), expected[orientation - 1]) << orientation;
    // One pixel to the right stays one pixel, and no mirror: right x down = into the picture.
    const auto right = map.stored_from_network(1, 0);
    const auto down = map.stored_from_network(0, 1);
    const auto [x, y] = expected[orientation - 1];
    EXPECT_EQ((right[0] - x) * (down[1] - y) - (right[1] - y) * (down[0] - x), 1) << orientation;
  }
}

TEST(PixelMap, TurnsByOrientationAsPicturesAreTurned) {
  // An upright picture whose bytes count up, turned as a camera held the other way would store it.
  const at::Tensor upright = at::arange(12, at::kByte).view({3, 4});
  for (const int orientation : {1, 3, 6, 8}) {
    const int turns = clockwise_quarter_turns(orientation);
    const at::Tensor stored = at::rot90(upright, turns, {0, 1});
    PixelMap map;
    map.stored_width_px = stored.size(1);
    map.stored_height_px = stored.size(0);
    map.orientation = orientation;
    for (int64_t y = 0; y < 3; ++y) {
      for (int64_t x = 0; x < 4; ++x) {
        const auto [u, v] =
            map.stored_from_network(static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5);
        EXPECT_EQ(stored[static_cast<int64_t>(v)][static_cast<int64_t>(u)].item<int>(),
                  upright[y][x].item<int>())
            << orientation;
      }
    }
  }
}

TEST(PixelMap, StoredCameraSeesPointsWhereTheMapPutsThem) {
  const Camera network = some_camera();
  for (const PixelMap& map : all_maps()) {
    const Camera stored = map.stored_camera(network);
    EXPECT_EQ(stored.width_px, map.stored_width_px);
    EXPECT_EQ(stored.height_px, map.stored_height_px);
    EXPECT_GT(stored.fx_px, 0);
    EXPECT_GT(stored.fy_px, 0);
    for (const auto& point : {std::array{0.1, 0.2, 0.3}, {-1.0, 0.7, 1.5}, {0.9, -1.1, -0.4}}) {
      const auto in_network = project(network, point);
      const auto expected = map.stored_from_network(in_network[0], in_network[1]);
      const auto actual = project(stored, point);
      EXPECT_NEAR(actual[0], expected[0], kTolerancePx) << map.orientation;
      EXPECT_NEAR(actual[1], expected[1], kTolerancePx) << map.orientation;
    }
  }
}

TEST(PixelMap, NetworkCameraIsTheWayBack) {
  for (PixelMap map : all_maps()) {
    Camera camera = some_camera();
    camera.width_px = map.network_width_px;
    camera.height_px = map.network_height_px;
    const Camera back = map.network_camera(map.stored_camera(camera));
    EXPECT_EQ(back.width_px, camera.width_px);
    EXPECT_EQ(back.height_px, camera.height_px);
    EXPECT_NEAR(back.fx_px, camera.fx_px, kTolerancePx) << map.orientation;
    EXPECT_NEAR(back.fy_px, camera.fy_px, kTolerancePx) << map.orientation;
    EXPECT_NEAR(back.cx_px, camera.cx_px, kTolerancePx) << map.orientation;
    EXPECT_NEAR(back.cy_px, camera.cy_px, kTolerancePx) << map.orientation;
    for (size_t k = 0; k < 9; ++k) EXPECT_DOUBLE_EQ(back.rotation[k], camera.rotation[k]);
    for (size_t k = 0; k < 3; ++k) EXPECT_DOUBLE_EQ(back.translation[k], camera.translation[k]);
  }
}

TEST(PixelMap, StoredCameraStaysARotationAtTheSamePlace) {
  const Camera network = some_camera();
  for (const PixelMap& map : all_maps()) {
    const Camera stored = map.stored_camera(network);
    const auto& r = stored.rotation;
    const double determinant = r[0] * (r[4] * r[8] - r[5] * r[7]) -
                               r[1] * (r[3] * r[8] - r[5] * r[6]) +
                               r[2] * (r[3] * r[7] - r[4] * r[6]);
    EXPECT_NEAR(determinant, 1, 1e-12);
    for (int k = 0; k < 3; ++k) {
      EXPECT_NEAR(stored.centre_in_world()[k], network.centre_in_world()[k], 1e-12);
    }
  }
}

TEST(PixelMap, RefusesOrientationsThatExifDoesNotHave) {
  EXPECT_THROW(clockwise_quarter_turns(0), c10::Error);
  EXPECT_THROW(clockwise_quarter_turns(9), c10::Error);
}

}  // namespace
}  // namespace vggt
