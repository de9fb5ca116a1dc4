// SPDX-License-Identifier: Apache-2.0
#include "src/train/recipe.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "src/base/error.h"
#include "tests/support/message_of.h"

namespace vggt::train {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string complaint(const std::string& text) {
  return message_of<ConfigError>([&] { Recipe::from_json(text, "my.json"); });
}

TEST(Recipe, EveryFieldSurvivesItsJson) {
  Recipe recipe;
  recipe.model = "tiny";
  recipe.weights = "w.safetensors";
  recipe.seed = 18446744073709551615ULL;
  recipe.encoder_steps = 7;
  recipe.bf16 = false;
  recipe.data.sizes_px = {{70, 98}};
  recipe.data.kinds = {"street"};
  recipe.optimiser.betas = {0.8, 0.97};
  recipe.loss.camera_parts.huber = 0.25;
  const Recipe read = Recipe::from_json(recipe.to_json(), "x");
  EXPECT_EQ(read.to_json(), recipe.to_json());
  EXPECT_EQ(read.seed, recipe.seed);
  EXPECT_EQ(read.data.sizes_px, recipe.data.sizes_px);
  EXPECT_EQ(read.loss.camera_parts.huber, 0.25);
}

TEST(Recipe, WhatIsLeftOutKeepsItsDefault) {
  const Recipe recipe = Recipe::from_json(R"({"steps": 5, "data": {"reuse": 1}})", "x");
  EXPECT_EQ(recipe.steps, 5);
  EXPECT_EQ(recipe.data.reuse, 1);
  EXPECT_EQ(recipe.data.group, DataRecipe().group);
  EXPECT_EQ(recipe.model, "mini");
}

TEST(Recipe, ThoseOfTheTreeAreRead) {
  EXPECT_EQ(Recipe::read("models/recipes/mini.json").model, "mini");
  EXPECT_EQ(Recipe::read("models/recipes/tiny.json").model, "tiny");
  EXPECT_EQ(Recipe::read("models/recipes/mini_finish.json").data.max_frames, 24);
  const Recipe large = Recipe::read("models/recipes/mini_large.json");
  EXPECT_EQ(large.weights, "models/mini.safetensors");
  EXPECT_EQ(large.data.min_frames, 2);
  EXPECT_EQ(large.data.max_frames, 24);
  // The longer side, and whether a scene of the largest pictures has all frames.
  int64_t least = 1000;
  int64_t most = 0;
  for (const auto& [height, width] : large.data.sizes_px) {
    least = std::min(least, std::max(height, width));
    most = std::max(most, std::max(height, width));
    EXPECT_LE(large.data.max_frames * height * width, large.data.pictures * 140 * 140);
  }
  EXPECT_EQ(least, 112);
  EXPECT_EQ(most, 336);
}

TEST(Recipe, ErrorsNameTheFileAndTheField) {
  EXPECT_THAT(complaint("{"), AllOf(HasSubstr("my.json"), HasSubstr("JSON")));
  EXPECT_THAT(complaint("[]"), HasSubstr("my.json: a recipe must be an object"));
  EXPECT_THAT(complaint(R"({"data": 3})"), HasSubstr("my.json: data must be an object"));
  EXPECT_THAT(complaint(R"({"stebs": 5})"), HasSubstr("no field stebs"));
  EXPECT_THAT(complaint(R"({"data": {"sort": 5}})"), HasSubstr("no field data.sort"));
  EXPECT_THAT(complaint(R"({"steps": 2.5})"), HasSubstr("steps must be a whole number"));
  EXPECT_THAT(complaint(R"({"seed": -1})"), HasSubstr("seed"));
  EXPECT_THAT(complaint(R"({"steps": 0})"), HasSubstr("steps"));
  EXPECT_THAT(complaint(R"({"loss": {"camera_parts": {"huber": 0}}})"), HasSubstr("huber"));
  EXPECT_THAT(complaint(R"({"loss": {"confidence_reward": 0}})"), HasSubstr("confidence_reward"));
  EXPECT_THAT(complaint(R"({"data": {"sizes_px": [[42.9, 56]]}})"), HasSubstr("data.sizes_px"));
  EXPECT_THAT(complaint(R"({"data": {"sizes_px": [[42, 56, 3]]}})"), HasSubstr("data.sizes_px"));
  EXPECT_THAT(complaint(R"({"optimiser": {"betas": [0.9, 0.95, 0.99]}})"), HasSubstr("betas"));
  EXPECT_THAT(complaint(R"({"data": {"sizes_px": [[100, 140]]}})"), HasSubstr("multiples of 14"));
  EXPECT_THAT(complaint(R"({"data": {"min_frames": 5}})"), HasSubstr("min_frames"));
  EXPECT_THAT(complaint(R"({"data": {"kinds": ["moon"]}})"),
              HasSubstr("my.json: data.kinds 'moon'"));
  EXPECT_THAT(complaint(R"({"data": {"rigs": ["sled"]}})"), HasSubstr("my.json: data.rigs 'sled'"));
  EXPECT_THAT(complaint(R"({"data": {"min_overlap": 2}})"), HasSubstr("data.min_overlap"));
  EXPECT_THAT(complaint(R"({"data": {"textures": 10}})"), HasSubstr("data.textures"));
  EXPECT_THAT(complaint(R"({"optimiser": {"betas": [0.9, 1.5]}})"), HasSubstr("optimiser.betas"));
  EXPECT_THAT(complaint(R"({"loss": {"depth": -1}})"), HasSubstr("loss"));
  EXPECT_THAT(complaint(R"({"loss": {"attention_blocks": 99}})"), HasSubstr("attention_blocks"));
  EXPECT_THAT(complaint(R"({"model": "giant"})"), HasSubstr("my.json: model 'giant'"));
}

}  // namespace
}  // namespace vggt::train
