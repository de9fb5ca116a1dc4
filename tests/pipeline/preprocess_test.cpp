// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/preprocess.h"

#include "src/base/error.h"
#include "src/image/decode.h"
#include "tests/pipeline/preprocess_golden.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

namespace vggt {
namespace {

FittedImage fit_upright(const at::Tensor& picture, const PreprocessOptions& options) {
  return fit_image(picture, picture.size(1), picture.size(0), 1, options);
}

FittedImage fit_file(const std::string& name, const PreprocessOptions& options) {
  return fit_upright(decode_image(testing::golden_image(name), {.like_original = true}).rgb,
                     options);
}

PreprocessOptions options_of(const nlohmann::json& run) {
  PreprocessOptions options;
  options.target_px = run["target"];
  options.fit = run["mode"] == "crop"  ? FitMode::kCrop
                : run["mode"] == "pad" ? FitMode::kPad
                                       : FitMode::kSquare;
  return options;
}

std::string message_of_fit(int64_t height, int64_t width, const PreprocessOptions& options) {
  try {
    fit_upright(at::zeros({height, width, 3}, at::kByte), options);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Preprocess, GivesTheOriginalLoadersBytesForEveryRun) {
  int compared = 0;
  for (const auto& run : testing::preprocess_golden()["runs"]) {
    SCOPED_TRACE(run["name"].get<std::string>());
    if (run.contains("error")) {
      EXPECT_THROW(fit_file(run["images"][0], options_of(run)), ConfigError);
      continue;
    }
    std::vector<FittedImage> fitted;
    for (const auto& name : run["images"]) fitted.push_back(fit_file(name, options_of(run)));
    const NetworkInput input = stack_images(fitted);
    ASSERT_EQ(input.images.scalar_type(), at::kFloat);
    testing::expect_bytes(input.images.mul(255).round().to(at::kByte), run);
    EXPECT_EQ(input.mixed_sizes, run["name"] == "crop_mixed");
    // The picture files show what should have come out.
    for (size_t i = 0; i < fitted.size(); ++i) {
      const std::string picture = testing::kPreprocessGolden + run["name"].get<std::string>() +
                                  "_" + std::to_string(i) + ".png";
      if (!std::ifstream(picture)) continue;
      EXPECT_TRUE(decode_image(picture).rgb.permute({2, 0, 1}).equal(fitted[i].pixels)) << picture;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 13);
}

TEST(Preprocess, DividesBytesBy255AsFloatsDo) {
  at::Tensor ramp = at::arange(256, at::kByte).view({1, 16, 16}).expand({3, 16, 16}).contiguous();
  const NetworkInput input = stack_images({{ramp, {}}});
  for (int value = 0; value < 256; ++value) {
    EXPECT_EQ(input.images[0][0][value / 16][value % 16].item<float>(),
              static_cast<float>(value) / 255.0f);
  }
}

TEST(Preprocess, SquareMapsHoldTheOriginalsCoordinates) {
  const auto& runs = testing::preprocess_golden()["runs"];
  const auto run =
      std::find_if(runs.begin(), runs.end(), [](const auto& r) { return r.contains("coords"); });
  ASSERT_NE(run, runs.end());
  for (const std::string key : {"coords", "coords_target1024"}) {
    PreprocessOptions options = options_of(*run);
    if (key == "coords_target1024") options.target_px = 1024;
    for (size_t i = 0; i < (*run)["images"].size(); ++i) {
      const PixelMap map = fit_file((*run)["images"][i], options).map;
      const auto expected = (*run)[key][i].get<std::vector<float>>();
      const auto begin = map.network_from_stored(0, 0);
      const auto end = map.network_from_stored(static_cast<double>(map.stored_width_px),
                                               static_cast<double>(map.stored_height_px));
      const std::vector<double> actual = {begin[0],
                                          begin[1],
                                          end[0],
                                          end[1],
                                          static_cast<double>(map.stored_width_px),
                                          static_cast<double>(map.stored_height_px)};
      for (size_t k = 0; k < 6; ++k) EXPECT_FLOAT_EQ(static_cast<float>(actual[k]), expected[k]);
    }
  }
}

TEST(Preprocess, RoundsHalvesToTheEvenNumberOfPatches) {
  // 56 wide: 21 / 14 = 1.5 patches and 35 / 14 = 2.5 patches both become 2.
  const PreprocessOptions options{.fit = FitMode::kCrop, .target_px = 56, .patch_px = 14};
  EXPECT_EQ(fit_upright(at::zeros({21, 56, 3}, at::kByte), options).pixels.size(1), 28);
  EXPECT_EQ(fit_upright(at::zeros({35, 56, 3}, at::kByte), options).pixels.size(1), 28);
}

TEST(Preprocess, FollowsTargetAndPatch) {
  const at::Tensor picture = at::randint(256, {30, 40, 3}, at::kByte);
  using Sizes = std::vector<int64_t>;
  const auto size = [&](FitMode fit, int64_t target, int64_t patch) {
    return fit_upright(picture, {.fit = fit, .target_px = target, .patch_px = patch})
        .pixels.sizes()
        .vec();
  };
  EXPECT_EQ(size(FitMode::kCrop, 64, 16), (Sizes{3, 48, 64}));
  EXPECT_EQ(size(FitMode::kPad, 64, 16), (Sizes{3, 64, 64}));
  EXPECT_EQ(size(FitMode::kSquare, 50, 16), (Sizes{3, 50, 50}));
}

TEST(Preprocess, SaysWhyAPictureIsTooFlatOrTooNarrow) {
  const std::string flat = message_of_fit(8, 800, {});
  EXPECT_NE(flat.find("800 x 8"), std::string::npos) << flat;
  EXPECT_NE(flat.find("too flat"), std::string::npos) << flat;
  EXPECT_NE(flat.find("square"), std::string::npos) << flat;
  EXPECT_NE(message_of_fit(800, 8, {.fit = FitMode::kPad}).find("too narrow"), std::string::npos);
  EXPECT_EQ(message_of_fit(800, 8, {.fit = FitMode::kSquare}), "");
  EXPECT_EQ(message_of_fit(800, 8, {.fit = FitMode::kCrop}), "");
  EXPECT_NE(message_of_fit(1, 40000, {.fit = FitMode::kSquare}).find("too long"),
            std::string::npos);
}

TEST(Preprocess, RefusesSizesThatAreNoMultipleOfThePatch) {
  EXPECT_NE(message_of_fit(30, 40, {.target_px = 500}).find("target_px"), std::string::npos);
  EXPECT_NE(message_of_fit(30, 40, {.target_px = 0}).find("target_px"), std::string::npos);
  EXPECT_NE(message_of_fit(30, 40, {.patch_px = 0}).find("patch_px"), std::string::npos);
  EXPECT_EQ(message_of_fit(30, 40, {.fit = FitMode::kSquare, .target_px = 500}), "");
}

TEST(Preprocess, RefusesAPictureThatDoesNotFitItsFile) {
  const at::Tensor picture = at::zeros({30, 40, 3}, at::kByte);
  EXPECT_THROW(fit_image(picture, 30, 40, 1, {}), c10::Error);
  EXPECT_NO_THROW(fit_image(picture, 30, 40, 6, {}));
  EXPECT_THROW(fit_image(picture, 40, 30, 9, {}), c10::Error);
  EXPECT_THROW(stack_images({}), c10::Error);
}

TEST(Preprocess, ShowsPaddingAsWhiteAndTellsItFromThePicture) {
  const at::Tensor black = at::zeros({30, 41, 3}, at::kByte);
  const PreprocessOptions crop{.target_px = 56};
  const NetworkInput input = stack_images(
      {fit_upright(black, crop), fit_upright(at::zeros({20, 90, 3}, at::kByte), crop)});
  const FittedImage padded = fit_upright(black, {.fit = FitMode::kPad, .target_px = 56});
  const FittedImage square = fit_upright(black + 9, {.fit = FitMode::kSquare, .target_px = 56});
  const auto expect_told_apart =
      [](const at::Tensor& plane, const PixelMap& map, int padding, int tie) {
        int64_t shown = 0;
        for (int64_t y = 0; y < plane.size(0); ++y) {
          for (int64_t x = 0; x < plane.size(1); ++x) {
            shown += map.shows_picture(x, y);
            // Resizing smears the square's border over `tie` pixels.
            if (map.shows_picture(x, y - tie) == map.shows_picture(x, y + tie)) {
              EXPECT_EQ(plane[y][x].item<int>() != padding, map.shows_picture(x, y))
                  << x << ", " << y;
            }
          }
        }
        EXPECT_GT(shown, 0);
        EXPECT_LT(shown, plane.numel());
      };
  EXPECT_TRUE(input.mixed_sizes);
  expect_told_apart(input.images[1][0].mul(255).to(at::kByte), input.maps[1], 255, 0);
  expect_told_apart(padded.pixels[2], padded.map, 255, 0);
  expect_told_apart(square.pixels[1], square.map, 0, 3);
}

}  // namespace
}  // namespace vggt
