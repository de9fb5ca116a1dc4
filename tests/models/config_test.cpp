// SPDX-License-Identifier: Apache-2.0
#include "src/models/config.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "src/base/error.h"
#include "tests/support/message_of.h"

namespace vggt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

std::string error_of(const std::string& text) {
  return message_of<ConfigError>([&] { ModelConfig::from_json(text, "config.json"); });
}

std::string error_of(const Json& json) { return error_of(json.dump()); }

Json json_of(const ModelConfig& config) { return Json::parse(config.to_json()); }

// The pointers to all objects (the first list) and to everything else (the second).
void walk(const Json& json,
          const Json::json_pointer& at,
          std::vector<Json::json_pointer>& objects,
          std::vector<Json::json_pointer>& leaves) {
  if (!json.is_object()) {
    leaves.push_back(at);
    return;
  }
  objects.push_back(at);
  for (const auto& [key, value] : json.items()) walk(value, at / key, objects, leaves);
}

struct Places {
  explicit Places(const Json& json) { walk(json, Json::json_pointer(), objects, leaves); }
  std::vector<Json::json_pointer> objects;
  std::vector<Json::json_pointer> leaves;
};

// "/depth_head/features" as messages show it.
std::string shown(const Json::json_pointer& pointer) {
  std::string text = "config.json" + pointer.to_string();
  std::replace(text.begin(), text.end(), '/', '.');
  return text;
}

// Every field of the full model, without the list of heads.
Json all_fields() {
  Json json = json_of(ModelConfig::vggt_1b());
  json.erase("heads");
  return json;
}

TEST(Presets, AreValid) {
  for (const char* name : {"vggt-1b", "mini", "tiny"}) {
    EXPECT_NO_THROW(ModelConfig::preset(name).validate()) << name;
  }
  EXPECT_THAT(message_of<ConfigError>([] { ModelConfig::preset("huge"); }),
              AllOf(HasSubstr("model"), HasSubstr("huge")));
}

TEST(Presets, EqualTheConfigsOfTheGoldenData) {
  for (const auto& [name, folder] :
       {std::pair("vggt-1b", "vggt_1b"), std::pair("mini", "mini"), std::pair("tiny", "tiny")}) {
    const std::string path = std::string("tests/golden/") + folder + "/config.json";
    EXPECT_EQ(ModelConfig::read(path).to_json(), ModelConfig::preset(name).to_json()) << name;
    // The original's fields one by one, so that none is read and then forgotten.
    Json theirs = Json::parse(std::ifstream(path));
    Json ours = json_of(ModelConfig::preset(name));
    for (const char* ignored : {"heads", "weight_seed", "image_seed"}) {
      theirs.erase(ignored);
      ours.erase(ignored);
    }
    EXPECT_EQ(Json::diff(ours, theirs), Json::array()) << name;
  }
}

TEST(Presets, SayWhichLayersTheirHeadsRead) {
  EXPECT_THAT(ModelConfig::vggt_1b().kept_layers(), ElementsAre(4, 11, 17, 23));
  EXPECT_THAT(ModelConfig::mini().kept_layers(), ElementsAre(1, 3, 4, 5));
  ModelConfig config = ModelConfig::tiny();
  config.point_head->intermediate_layer_idx = {0, 1, 3, 5};
  EXPECT_THAT(config.kept_layers(), ElementsAre(0, 1, 2, 3, 4, 5));
  config.depth_head.reset();
  config.point_head.reset();
  config.track_head.reset();
  EXPECT_TRUE(config.kept_layers().empty());
}

TEST(ConfigJson, GoesThereAndBack) {
  ModelConfig config = ModelConfig::tiny();
  config.aggregator.rope_freq = 123.5;
  config.patch_embed.layer_norm_eps = 3e-7;
  config.point_head->frames_chunk_size = 3;
  config.track_head->num_virtual_tracks = 11;
  config.camera_head.reset();
  const ModelConfig back = ModelConfig::from_json(config.to_json(), "text");
  EXPECT_EQ(back.to_json(), config.to_json());
  EXPECT_EQ(back.aggregator.rope_freq, 123.5);
  EXPECT_EQ(back.patch_embed.layer_norm_eps, 3e-7);
  EXPECT_EQ(back.point_head->frames_chunk_size, 3);
  EXPECT_EQ(back.track_head->num_virtual_tracks, 11);
  EXPECT_FALSE(back.camera_head);
}

TEST(ConfigJson, RefusesAnUnknownFieldAnywhere) {
  const Json json = all_fields();
  const Places places(json);
  EXPECT_EQ(places.objects.size(), 10u);
  for (const auto& object : places.objects) {
    Json changed = json;
    changed[object]["surprise"] = 1;
    EXPECT_THAT(error_of(changed),
                AllOf(HasSubstr(shown(object / "surprise")), HasSubstr("unknown")));
  }
}

TEST(ConfigJson, RefusesAMissingField) {
  const Json json = all_fields();
  for (const auto& leaf : Places(json).leaves) {
    Json changed = json;
    changed[leaf.parent_pointer()].erase(leaf.back());
    EXPECT_THAT(error_of(changed), AllOf(HasSubstr(shown(leaf)), HasSubstr("missing")));
  }
  for (const char* part : {"patch_embed", "aggregator"}) {
    Json changed = json;
    changed.erase(part);
    EXPECT_THAT(error_of(changed), AllOf(HasSubstr(part), HasSubstr("missing")));
  }
}

TEST(ConfigJson, RefusesAnotherType) {
  const Json json = all_fields();
  const Places places(json);
  EXPECT_GT(places.leaves.size(), 80u);
  for (const auto& leaf : places.leaves) {
    for (const Json& other : {Json("x"), Json(), Json::array({"x"}), Json::object(), Json(0.25)}) {
      const bool is_number = json[leaf].is_number_float() && other.is_number();
      if (is_number) continue;
      Json changed = json;
      changed[leaf] = other;
      EXPECT_THAT(error_of(changed), HasSubstr(shown(leaf))) << other;
    }
  }
  for (const auto& object : places.objects) {
    Json changed = json;
    changed[object] = Json::array();
    EXPECT_THAT(error_of(changed), AllOf(HasSubstr(shown(object)), HasSubstr("object")));
  }
}

TEST(ConfigJson, RefusesWhatTheEngineDoesNotImplement) {
  for (const auto& [pointer, value] : std::vector<std::pair<std::string, Json>>{
           {"/patch_embed/type", "conv"},
           {"/patch_embed/interpolate_antialias", false},
           {"/patch_embed/interpolate_offset", 0.1},
           {"/patch_embed/img_size", 224},
           {"/patch_embed/qk_norm", true},
           {"/aggregator/qk_norm", false},
           {"/aggregator/aa_order", {"global", "frame"}},
           {"/aggregator/aa_block_size", 2},
           {"/camera_head/dim_in", 1024},
           {"/camera_head/fl_act", "exp"},
           {"/depth_head/conf_activation", "sigmoid"},
           {"/depth_head/activation", "norm_exp"},
           {"/track_head/predict_conf", false},
           {"/track_head/tracker/depth", 4},
           {"/track_head/tracker/latent_dim", 64},
           {"/track_head/tracker/updateformer/input_dim", 100}}) {
    Json changed = all_fields();
    const Json::json_pointer at(pointer);
    ASSERT_TRUE(changed.contains(at)) << pointer;
    changed[at] = value;
    EXPECT_THAT(error_of(changed), AllOf(HasSubstr(shown(at)), HasSubstr("must be")));
  }
}

TEST(ConfigJson, RefusesValuesOutOfRange) {
  struct Case {
    const char* field;  // as the message names it
    void (*change)(ModelConfig&);
  };
  const Case cases[] = {
      {"patch_size", [](ModelConfig& c) { c.patch_size = 0; }},
      {"img_size", [](ModelConfig& c) { c.img_size = 520; }},
      {"img_size", [](ModelConfig& c) { c.img_size = -14; }},
      {"img_size", [](ModelConfig& c) { c.img_size = 14 * int64_t{100000000}; }},
      {"embed_dim", [](ModelConfig& c) { c.embed_dim = 1 << 20; }},
      {"num_register_tokens", [](ModelConfig& c) { c.num_register_tokens = 0; }},
      {"patch_embed.depth", [](ModelConfig& c) { c.patch_embed.depth = 0; }},
      {"patch_embed.num_heads", [](ModelConfig& c) { c.patch_embed.num_heads = 7; }},
      {"patch_embed.num_heads", [](ModelConfig& c) { c.patch_embed.num_heads = 0; }},
      {"patch_embed.mlp_ratio", [](ModelConfig& c) { c.patch_embed.mlp_ratio = -4; }},
      {"patch_embed.mlp_ratio", [](ModelConfig& c) { c.patch_embed.mlp_ratio = 0.00001; }},
      {"patch_embed.layer_norm_eps", [](ModelConfig& c) { c.patch_embed.layer_norm_eps = 0; }},
      {"aggregator.depth", [](ModelConfig& c) { c.aggregator.depth = 1 << 20; }},
      {"aggregator.num_heads", [](ModelConfig& c) { c.aggregator.num_heads = 512; }},
      {"aggregator.rope_freq", [](ModelConfig& c) { c.aggregator.rope_freq = 1; }},
      {"aggregator.mlp_ratio", [](ModelConfig& c) { c.aggregator.mlp_ratio = 1000; }},
      {"aggregator.layer_norm_eps", [](ModelConfig& c) { c.aggregator.layer_norm_eps = 2; }},
      {"camera_head.trunk_depth", [](ModelConfig& c) { c.camera_head->trunk_depth = 0; }},
      {"camera_head.num_heads", [](ModelConfig& c) { c.camera_head->num_heads = 7; }},
      {"camera_head.num_iterations", [](ModelConfig& c) { c.camera_head->num_iterations = 0; }},
      {"depth_head.features", [](ModelConfig& c) { c.depth_head->features = 255; }},
      {"depth_head.out_channels",
       [](ModelConfig& c) {
         c.depth_head->out_channels = {8, 8, 8};
       }},
      {"depth_head.out_channels", [](ModelConfig& c) { c.depth_head->out_channels[2] = 10; }},
      {"depth_head.intermediate_layer_idx",
       [](ModelConfig& c) {
         c.depth_head->intermediate_layer_idx = {4, 11, 17, 24};
       }},
      {"depth_head.intermediate_layer_idx",
       [](ModelConfig& c) { c.depth_head->intermediate_layer_idx = {}; }},
      {"point_head.intermediate_layer_idx",
       [](ModelConfig& c) {
         c.point_head->intermediate_layer_idx = {4, 4, 17, 23};
       }},
      {"point_head.intermediate_layer_idx",
       [](ModelConfig& c) {
         c.point_head->intermediate_layer_idx = {-1, 4, 17, 23};
       }},
      {"depth_head.output_dim", [](ModelConfig& c) { c.depth_head->output_dim = 1; }},
      {"point_head.feature_only", [](ModelConfig& c) { c.point_head->feature_only = true; }},
      {"point_head.down_ratio", [](ModelConfig& c) { c.point_head->down_ratio = 0; }},
      {"point_head.hidden_channels", [](ModelConfig& c) { c.point_head->hidden_channels = 0; }},
      {"point_head.frames_chunk_size", [](ModelConfig& c) { c.point_head->frames_chunk_size = 0; }},
      {"feature_extractor.feature_only",
       [](ModelConfig& c) { c.track_head->feature_extractor.feature_only = false; }},
      {"track_head.features", [](ModelConfig& c) { c.track_head->features = 64; }},
      {"track_head.stride", [](ModelConfig& c) { c.track_head->stride = 4; }},
      {"track_head.iters", [](ModelConfig& c) { c.track_head->iters = 0; }},
      {"track_head.corr_levels", [](ModelConfig& c) { c.track_head->corr_levels = 64; }},
      {"track_head.corr_radius", [](ModelConfig& c) { c.track_head->corr_radius = -1; }},
      {"updateformer.space_depth", [](ModelConfig& c) { c.track_head->space_depth = 4; }},
      {"updateformer.space_depth", [](ModelConfig& c) { c.track_head->space_depth = 0; }},
      {"updateformer.num_heads", [](ModelConfig& c) { c.track_head->num_heads = 7; }},
      {"num_virtual_tracks", [](ModelConfig& c) { c.track_head->num_virtual_tracks = 0; }},
      {"tracker.max_scale", [](ModelConfig& c) { c.track_head->max_scale = 0; }}};
  for (const Case& bad : cases) {
    ModelConfig config = ModelConfig::vggt_1b();
    bad.change(config);
    EXPECT_THAT(message_of<ConfigError>([&] { config.validate(); }), HasSubstr(bad.field));
    EXPECT_THAT(error_of(config.to_json()), AllOf(HasSubstr("config.json"), HasSubstr(bad.field)));
  }
}

TEST(ConfigJson, RefusesNumbersThatDoNotFit) {
  for (const char* number : {"18446744073709551615", "9223372036854775808", "1e300", "-1", "4.5"}) {
    std::string text = all_fields().dump();
    const std::string field = "\"num_iterations\":";
    ASSERT_NE(text.find(field), std::string::npos);
    text.replace(text.find(field) + field.size(), 1, number);
    EXPECT_THAT(error_of(text), HasSubstr("camera_head.num_iterations")) << number;
  }
}

TEST(ConfigHeads, KeepsOnlyTheHeadsThatTheListNames) {
  Json json = all_fields();
  json["heads"] = {"depth", "camera"};
  const ModelConfig config = ModelConfig::from_json(json.dump(), "config.json");
  EXPECT_TRUE(config.camera_head);
  EXPECT_TRUE(config.depth_head);
  EXPECT_FALSE(config.point_head);
  EXPECT_FALSE(config.track_head);
  json.erase("heads");
  EXPECT_TRUE(ModelConfig::from_json(json.dump(), "config.json").track_head)
      << "without a list all stay";
}

TEST(ConfigHeads, RefusesAListThatDoesNotFit) {
  Json json = all_fields();
  for (const Json& list : {Json({"camera", "gaussian"}),
                           Json({"camera", 3}),
                           Json(3),
                           Json(),
                           Json("camera"),
                           Json({{"depth", "camera"}})}) {
    json["heads"] = list;
    EXPECT_THAT(error_of(json), HasSubstr("config.json.heads")) << list;
  }
  json["heads"] = {"camera", "depth"};
  json.erase("depth_head");
  EXPECT_THAT(error_of(json), AllOf(HasSubstr("heads"), HasSubstr("depth")));
}

TEST(ConfigJson, RefusesWhatIsNotJson) {
  for (const std::string text :
       {"", "{", "[1", "nonsense", "{\"img_size\": 14,}", "\xff\xfe", "{\"a\":1e999}"}) {
    EXPECT_THAT(error_of(text), AllOf(HasSubstr("config.json"), HasSubstr("is not JSON"))) << text;
  }
  for (const std::string text : {"[]", "3", "null", "\"text\""}) {
    EXPECT_THAT(error_of(text), HasSubstr("must be an object")) << text;
  }
}

TEST(ConfigJson, SurvivesDeepNesting) {
  constexpr size_t kDepth = 1000000;
  const std::string nested = std::string(kDepth, '[') + std::string(kDepth, ']');
  EXPECT_FALSE(error_of(std::string(kDepth, '[')).empty());
  EXPECT_FALSE(error_of(nested).empty());
  EXPECT_FALSE(error_of("{\"unknown\":" + nested + "}").empty());
  EXPECT_THAT(error_of("{\"img_size\":" + nested + "}"), HasSubstr("img_size"));
}

TEST(ConfigJson, SurvivesChangedBytes) {
  const std::string valid = ModelConfig::tiny().to_json();
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string text = valid;
    const int changes = 1 + static_cast<int>(random() % 3);
    for (int j = 0; j < changes; ++j)
      text[random() % text.size()] ^= static_cast<char>(1u << (random() % 8));
    try {
      ModelConfig::from_json(text, "config.json");
    } catch (const ConfigError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
}

TEST(ConfigFile, NamesTheFileThatCannotBeRead) {
  EXPECT_THAT(message_of<IoError>([] { ModelConfig::read("no/such/config.json"); }),
              HasSubstr("no/such/config.json"));
}

}  // namespace
}  // namespace vggt
