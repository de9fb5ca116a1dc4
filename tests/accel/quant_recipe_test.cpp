// SPDX-License-Identifier: Apache-2.0
#include "src/accel/quant_recipe.h"

#include <gmock/gmock.h>

#include <fstream>

#include "src/base/error.h"
#include "src/models/vggt.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace vggt::accel {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(QuantRecipe, TakesTheMostSpecificRule) {
  const QuantRecipe recipe = {{{"aggregator", "int8"},
                               {"aggregator.*.3.attn.proj", "fp8"},
                               {"aggregator.frame_blocks.3", "bf16"},
                               {"aggregator.global_blocks.1", "w4a16-g64"}}};
  EXPECT_EQ(recipe.scheme_of("aggregator.frame_blocks.2.attn.qkv"), "int8");
  EXPECT_EQ(recipe.scheme_of("aggregator.frame_blocks.3.attn.qkv"), "");
  EXPECT_EQ(recipe.scheme_of("aggregator.frame_blocks.3.attn.proj"), "fp8");
  EXPECT_EQ(recipe.scheme_of("aggregator.global_blocks.1.mlp.fc1"), "w4a16-g64");
  EXPECT_EQ(recipe.scheme_of("aggregator.global_blocks.11.mlp.fc1"), "int8");
  EXPECT_EQ(recipe.scheme_of("camera_head.trunk.0.attn.qkv"), "");
}

TEST(QuantRecipe, NamesTheLayersOfTheModelsBlocks) {
  const Vggt model(ModelConfig::tiny());
  std::vector<std::string> names;
  for (const auto& [name, layer] : block_layers(model)) names.push_back(name);
  // 3 of the encoder, 6 pairs, 2 of the camera head; the tracker has no such blocks.
  EXPECT_EQ(names.size(), 4 * (3 + 12 + 2));
  EXPECT_THAT(names, ::testing::Contains("aggregator.patch_embed.blocks.2.mlp.fc2"));
  EXPECT_THAT(names, ::testing::Contains("aggregator.global_blocks.5.attn.qkv"));
  EXPECT_THAT(names, ::testing::Contains("camera_head.trunk.1.attn.proj"));
  for (const char* scheme : {"fp8", "int8", "w8a16", "w4a16"}) {
    const QuantRecipe recipe = quant_recipe(scheme);
    recipe.check(names);
    const bool is_fp8 = std::string(scheme) == "fp8";
    EXPECT_EQ(recipe.scheme_of("aggregator.frame_blocks.0.attn.proj").empty(), is_fp8);
    EXPECT_EQ(recipe.scheme_of("aggregator.patch_embed.blocks.0.mlp.fc1").empty(), !is_fp8);
    EXPECT_EQ(recipe.scheme_of("camera_head.trunk.0.mlp.fc1"), "");
  }
}

TEST(QuantRecipe, RefusesABlockThatIsNotThere) {
  const QuantRecipe recipe = {
      {{"aggregator.frame_blocks", "int8"}, {"aggregator.frame_blocks.6", "bf16"}}};
  EXPECT_THAT(
      message_of<ConfigError>([&] {
        recipe.check({"aggregator.frame_blocks.0.attn.qkv", "aggregator.frame_blocks.5.mlp.fc2"});
      }),
      AllOf(HasSubstr("aggregator.frame_blocks.6"), HasSubstr("frame_blocks.5.mlp.fc2")));
}

TEST(QuantRecipe, IsReadFromAFileAndWritten) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& text) {
    std::ofstream(folder.path() + "/mixed.json") << text;
    return recipe_of_precision(folder.path() + "/mixed.json");
  };
  const std::string text = R"({"aggregator":"w4a16-g64","aggregator.frame_blocks.3":"bf16"})";
  EXPECT_EQ(read(text).to_json(), text);
  EXPECT_EQ(read(R"({"aggregator": "w4a16"})").rules.front().second, "w4a16-g128");
  const auto complaint = [&](const std::string& bad) {
    return message_of<IoError>([&] { read(bad); });
  };
  EXPECT_THAT(complaint("{}"), AllOf(HasSubstr("mixed.json"), HasSubstr("not empty")));
  EXPECT_THAT(complaint("[1]"), HasSubstr("mixed.json"));
  EXPECT_THAT(complaint(R"({"aggregator": 4})"), HasSubstr("aggregator: must be a scheme's name"));
  EXPECT_THAT(complaint(R"({"aggregator": "w3"})"), AllOf(HasSubstr("'w3'"), HasSubstr("int8")));
}

TEST(QuantRecipe, KnowsItsNamesAmongThePrecisions) {
  for (const char* name : {"fp8", "int8", "w8a16", "w4a16", "w4a16-g64-sym", "a/mixed.json"}) {
    EXPECT_TRUE(is_quantized_precision(name)) << name;
  }
  for (const char* name : {"auto", "fp32", "bf16", "fp64", "int4"}) {
    EXPECT_FALSE(is_quantized_precision(name)) << name;
  }
}

}  // namespace
}  // namespace vggt::accel
