// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/reconstruct.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include <limits>

#include "kernels/unproject/unproject.h"
#include "src/base/error.h"
#include "src/geometry/pose_encoding.h"
#include "src/weights/load.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kHeight = 70;
constexpr int64_t kWidth = 98;

NetworkInput photos(int64_t count) {
  NetworkInput input;
  input.images = synthetic_images(count, kHeight, kWidth, 1).squeeze(0);
  PixelMap map;
  map.stored_width_px = map.network_width_px = kWidth;
  map.stored_height_px = map.network_height_px = kHeight;
  input.maps.assign(static_cast<size_t>(count), map);
  return input;
}

std::vector<std::string> names(int64_t count) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < count; ++i) names.push_back("photo" + std::to_string(i) + ".jpg");
  return names;
}

const Vggt& model() {
  static const auto model = synthetic_model(1, ModelConfig::tiny(), {});
  return *model;
}

Reconstruction run(int64_t count, double drop_percent) {
  return reconstruct(
      model(), photos(count), names(count), {.points = {.drop_percent = drop_percent}});
}

TEST(Reconstruct, KeepsAllPixelsIfNothingIsDropped) {
  const Reconstruction result = run(3, 0);
  EXPECT_EQ(result.points.size(), 3 * kHeight * kWidth);
  EXPECT_EQ(result.depth.sizes(), (std::vector<int64_t>{3, kHeight, kWidth}));
  EXPECT_EQ(result.confidence.sizes(), (std::vector<int64_t>{3, kHeight, kWidth}));
  ASSERT_EQ(result.views.size(), 3u);
  EXPECT_EQ(result.views[2].name, "photo2.jpg");
  EXPECT_EQ(result.views[2].camera.width_px, kWidth);
}

TEST(Reconstruct, DropsTheShareOfLowestConfidence) {
  const Reconstruction all = run(3, 0);
  for (const double percent : {20.0, 50.0, 99.0}) {
    const Reconstruction result = run(3, percent);
    const auto expected = (1 - percent / 100) * static_cast<double>(all.points.size());
    // The pixel at the percentile stays, and confidences of float32 have a few ties.
    EXPECT_NEAR(static_cast<double>(result.points.size()), expected, 5) << percent;
    const float lowest_kept = result.points.confidence.min().item<float>();
    const int64_t at_least = (all.points.confidence >= lowest_kept).sum().item<int64_t>();
    EXPECT_EQ(result.points.size(), at_least) << "those of lowest confidence go";
  }
}

TEST(Reconstruct, PlacesPointsWhereTheirPixelsAreUnprojected) {
  const Reconstruction result = run(3, 30);
  const PointCloud& points = result.points;
  const c10::InferenceMode inference;
  const at::Tensor encoding =
      model().forward(photos(3).images.unsqueeze(0)).pose_encodings.back().squeeze(0);
  CameraMatrices cameras = decode_pose(encoding, kHeight, kWidth);
  // unproject() sees through the corners of pixels, as the original does.
  cameras.intrinsics.slice(1, 0, 2).select(2, 2).sub_(0.5);
  const at::Tensor world =
      kernels::unproject(result.depth, cameras.extrinsics, cameras.intrinsics, at::kFloat);
  const at::Tensor frame = points.frame.to(at::kLong);
  const at::Tensor x = points.pixel.select(1, 0).to(at::kLong);
  const at::Tensor y = points.pixel.select(1, 1).to(at::kLong);
  // The cameras are double: float32 ones move points by a rounding.
  EXPECT_TRUE(at::allclose(at::index(world, {frame, y, x}), points.position, 1e-5, 1e-6));
  EXPECT_TRUE(at::equal(at::index(result.confidence, {frame, y, x}), points.confidence));
  const at::Tensor colours = (result.images * 255).round().to(at::kByte).permute({0, 2, 3, 1});
  EXPECT_TRUE(at::equal(at::index(colours, {frame, y, x}), points.colour));
  EXPECT_EQ(points.frame.max().item<int>(), 2);
  EXPECT_EQ(points.pixel.select(1, 0).max().item<int>(), kWidth - 1);
}

TEST(Reconstruct, GivesCamerasThatSeeEachPointAtTheCentreOfItsPixel) {
  const Reconstruction result = run(2, 0);
  for (int64_t i = 0; i < result.points.size(); i += 997) {
    const Camera& camera =
        result.views[static_cast<size_t>(result.points.frame[i].item<int>())].camera;
    std::array<double, 3> in_cam{};
    for (size_t row = 0; row < 3; ++row) {
      in_cam[row] = camera.translation[row];
      for (size_t column = 0; column < 3; ++column) {
        in_cam[row] += camera.rotation[3 * row + column] *
                       result.points.position[i][static_cast<int64_t>(column)].item<double>();
      }
    }
    // float32 positions, seen over focal lengths of a few hundred pixels.
    EXPECT_NEAR(camera.fx_px * in_cam[0] / in_cam[2] + camera.cx_px,
                result.points.pixel[i][0].item<int>() + 0.5,
                0.01);
    EXPECT_NEAR(camera.fy_px * in_cam[1] / in_cam[2] + camera.cy_px,
                result.points.pixel[i][1].item<int>() + 0.5,
                0.01);
  }
}

TEST(Reconstruct, GivesNoPointsOnPadding) {
  NetworkInput input = photos(2);
  // The second photo is 42 px wide and stands in the middle.
  input.maps[1].stored_width_px = 42;
  input.maps[1].offset_x_px = 28;
  const Reconstruction result =
      reconstruct(model(), input, names(2), {.points = {.drop_percent = 0}});
  EXPECT_EQ(result.points.size(), kHeight * (kWidth + 42));
  const at::Tensor of_second = result.points.frame == 1;
  const at::Tensor x = result.points.pixel.select(1, 0).masked_select(of_second);
  EXPECT_EQ(x.min().item<int>(), 28);
  EXPECT_EQ(x.max().item<int>(), 69);
}

TEST(Reconstruct, GivesNoPointsWhereTheMaskHidesThePhoto) {
  NetworkInput input = photos(2);
  input.mask = at::ones({2, kHeight, kWidth}, at::kBool);
  input.mask[1].fill_(false);
  const Reconstruction result =
      reconstruct(model(), input, names(2), {.points = {.drop_percent = 0}});
  EXPECT_EQ(result.points.size(), kHeight * kWidth);
  EXPECT_TRUE(at::equal(result.mask, input.mask));
}

TEST(Reconstruct, WorksOnOnePhoto) {
  const Reconstruction result = run(1, 20);
  EXPECT_EQ(result.views.size(), 1u);
  EXPECT_GT(result.points.size(), 0);
}

TEST(Reconstruct, NeedsCameraAndDepth) {
  for (const bool without_camera : {true, false}) {
    ModelConfig config = ModelConfig::tiny();
    if (without_camera) {
      config.camera_head.reset();
    } else {
      config.depth_head.reset();
    }
    const auto part = synthetic_model(1, config, {});
    EXPECT_THAT(message_of<ConfigError>([&] { reconstruct(*part, photos(1), names(1), {}); }),
                HasSubstr("camera and a depth head"));
  }
}

TEST(Reconstruct, RefusesAShareOutOfRange) {
  for (const double percent : {-1.0, 100.0, 150.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(message_of<ConfigError>([&] { run(1, percent); }), HasSubstr("drop-percent"))
        << percent;
  }
}

TEST(Reconstruct, RefusesUnusableCameras) {
  const auto broken = synthetic_model(1, ModelConfig::tiny(), {});
  broken->camera_head->pose_branch->fc2->bias.fill_(-100);  // angles of view below zero
  EXPECT_THAT(message_of<ModelError>([&] { reconstruct(*broken, photos(1), names(1), {}); }),
              HasSubstr("frame 0"));
}

TEST(Reconstruct, RefusesAnotherNumberOfNames) {
  EXPECT_THROW(reconstruct(model(), photos(2), names(1), {}), c10::Error);
}

TEST(Reconstruct, ReportsItsStagesAndTheirSeconds) {
  std::vector<std::string> stages;
  StageProgress::Seconds seconds;
  const auto listen = [&](const Progress& progress) {
    if (stages.empty() || stages.back() != progress.stage) stages.push_back(progress.stage);
    return true;
  };
  reconstruct(model(), photos(1), names(1), {.progress = listen, .seconds = &seconds});
  EXPECT_EQ(stages.back(), "points");
  ASSERT_EQ(seconds.size(), stages.size());
  EXPECT_EQ(seconds.back().first, "points");
  const auto cancel = [](const Progress& progress) { return progress.stage != "points"; };
  EXPECT_THROW(reconstruct(model(), photos(1), names(1), {.progress = cancel}), Cancelled);
}

}  // namespace
}  // namespace vggt
