// SPDX-License-Identifier: Apache-2.0
#include "src/weights/infer_config.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "src/base/error.h"
#include "src/nn/layers.h"
#include "src/weights/manifest.h"
#include "tests/support/message_of.h"

namespace vggt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A checkpoint of the right shapes that takes no memory.
WeightFile file_of(const ModelConfig& config) {
  WeightFile file;
  file.path = "model.safetensors";
  for (const auto& [key, shape] : manifest(config)) file.tensors[key] = nn::placeholder(shape);
  return file;
}

TEST(InferConfig, ReadsThePresetsOffTheirShapes) {
  for (const char* name : {"vggt-1b", "mini", "tiny"}) {
    const InferredConfig inferred = infer_config(file_of(ModelConfig::preset(name)));
    EXPECT_EQ(inferred.config.to_json(), ModelConfig::preset(name).to_json()) << name;
    EXPECT_EQ(inferred.origin, "the tensors' shapes") << name;
    EXPECT_FALSE(inferred.assumed.empty()) << name;
    for (const std::string& assumed : inferred.assumed) {
      const bool of_camera = assumed.find("camera_head") != std::string::npos;
      EXPECT_TRUE(!of_camera || assumed.find(name) != std::string::npos) << assumed;
    }
  }
}

TEST(InferConfig, LeavesOutHeadsThatTheFileLacks) {
  ModelConfig config = ModelConfig::vggt_1b();
  config.camera_head.reset();
  config.track_head.reset();
  EXPECT_EQ(infer_config(file_of(config)).config.to_json(), config.to_json());
}

TEST(InferConfig, ReadsEverySizeThatShapesShow) {
  ModelConfig config = ModelConfig::tiny();
  config.img_size = 5 * 8;
  config.patch_size = 8;
  config.num_register_tokens = 2;
  config.patch_embed.depth = 2;
  config.patch_embed.mlp_ratio = 2;
  config.aggregator.mlp_ratio = 3;
  config.camera_head->trunk_depth = 5;
  config.camera_head->mlp_ratio = 2;
  config.depth_head->features = 64;
  config.depth_head->out_channels = {8, 12, 16, 20};
  config.depth_head->hidden_channels = 24;
  config.track_head->features = config.track_head->feature_extractor.features = 64;
  config.track_head->hidden_size = 96;
  config.track_head->corr_levels = 2;
  config.track_head->time_depth = 4;
  config.track_head->num_virtual_tracks = 6;
  config.track_head->mlp_ratio = 2;
  EXPECT_EQ(infer_config(file_of(config)).config.to_json(), config.to_json());
}

TEST(InferConfig, FallsBackToTheGeneralRuleForAnotherSize) {
  ModelConfig config = ModelConfig::vggt_1b();
  config.embed_dim = 256;
  config.patch_embed = {.depth = 3, .num_heads = 4};
  config.aggregator = {.depth = 12, .num_heads = 4};
  config.camera_head->num_heads = 4;
  for (DptConfig* head :
       {&*config.depth_head, &*config.point_head, &config.track_head->feature_extractor}) {
    head->intermediate_layer_idx = {1, 5, 8, 11};
  }
  const InferredConfig inferred = infer_config(file_of(config));
  EXPECT_EQ(inferred.config.to_json(), config.to_json());
  EXPECT_THAT(inferred.assumed, ::testing::Contains(HasSubstr("in proportion")));
}

TEST(InferConfig, TrustsTheMetadataMore) {
  ModelConfig config = ModelConfig::tiny();
  config.camera_head->num_iterations = 2;  // not to be seen in any shape
  WeightFile file = file_of(config);
  EXPECT_EQ(infer_config(file).config.camera_head->num_iterations, 4);
  file.metadata["vggt.config"] = config.to_json();
  const InferredConfig inferred = infer_config(file);
  EXPECT_EQ(inferred.config.to_json(), config.to_json());
  EXPECT_EQ(inferred.origin, "the file's metadata");
  EXPECT_TRUE(inferred.assumed.empty());
}

TEST(InferConfig, RefusesMetadataThatIsNoConfig) {
  WeightFile file = file_of(ModelConfig::tiny());
  file.metadata["vggt.config"] = "{}";
  EXPECT_THAT(message_of<IoError>([&] { infer_config(file); }),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("vggt.config")));
}

TEST(InferConfig, NamesTheTensorThatAnotherModelLacks) {
  WeightFile file;
  file.path = "resnet.safetensors";
  file.tensors["conv1.weight"] = at::zeros({64, 3, 7, 7});
  EXPECT_THAT(message_of<IoError>([&] { infer_config(file); }),
              AllOf(HasSubstr("resnet.safetensors"),
                    HasSubstr("not a VGGT checkpoint"),
                    HasSubstr("aggregator.camera_token")));
}

TEST(InferConfig, NamesAGridThatIsNotSquare) {
  WeightFile file = file_of(ModelConfig::tiny());
  file.tensors["aggregator.patch_embed.pos_embed"] = nn::placeholder({1, 36, 48});
  EXPECT_THAT(message_of<ConfigError>([&] { infer_config(file); }), HasSubstr("pos_embed"));
}

// What a hostile file can hold: no axes, no elements, and with no elements any size of the other
// axes.
TEST(InferConfig, SurvivesHostileShapes) {
  const WeightFile good = file_of(ModelConfig::tiny());
  int refused = 0;
  for (const auto& [key, tensor] : good.tensors) {
    std::vector<at::Tensor> hostile = {at::zeros({}), at::zeros({0})};
    for (int64_t axis = 0; axis < tensor.dim(); ++axis) {
      std::vector<int64_t> shape = tensor.sizes().vec();
      shape[static_cast<size_t>(axis)] = 0;
      hostile.push_back(at::zeros(shape));
      for (const int64_t size : {int64_t{1}, int64_t{3}, int64_t{1} << 31, int64_t{1} << 50}) {
        if (tensor.dim() == 1 && size > 3) continue;
        std::vector<int64_t> other(tensor.sizes().size(), 0);
        other[static_cast<size_t>(axis)] = size;
        hostile.push_back(at::zeros(other));
      }
    }
    for (const at::Tensor& bad : hostile) {
      WeightFile file = good;
      file.tensors[key] = bad;
      try {
        infer_config(file);
      } catch (const IoError&) {
        ++refused;
      } catch (const ConfigError&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 200) << "the sizes come from few tensors, but those must be refused";
}

TEST(LicenceOf, IsWhatTheFileStates) {
  WeightFile file;
  file.metadata["license"] = "Apache-2.0";
  EXPECT_EQ(licence_of(file, ModelConfig::vggt_1b()), "Apache-2.0");
}

TEST(LicenceOf, KnowsThePublishedCheckpointsByTheirSize) {
  const WeightFile file;
  EXPECT_THAT(licence_of(file, ModelConfig::vggt_1b()),
              AllOf(HasSubstr("not stated"), HasSubstr("CC BY-NC 4.0"), HasSubstr("Commercial")));
  EXPECT_EQ(licence_of(file, ModelConfig::mini()), "not stated in the file");
  ModelConfig shallow = ModelConfig::vggt_1b();
  shallow.aggregator.depth = 12;
  EXPECT_EQ(licence_of(file, shallow), "not stated in the file");
}

}  // namespace
}  // namespace vggt
