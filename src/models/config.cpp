// SPDX-License-Identifier: Apache-2.0
#include "src/models/config.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "src/base/error.h"

namespace vggt {
namespace {

using Json = nlohmann::ordered_json;

void to_text(Json& json, const DptActivation& value) {
  json = value == DptActivation::kExp ? "exp" : "inv_log";
}

template <class T>
void to_text(Json& json, const T& value) {
  json = value;
}

// The two visitors of the field lists below. A field list is written once and gives reading,
// writing and the check for unknown keys.
class Writer {
 public:
  template <class T>
  void field(const char* key, const T& value) {
    to_text(json_[key], value);
  }
  template <class T>
  void fixed(const char* key, const T& value) {
    json_[key] = value;
  }
  void ignored(const char*) {}
  template <class Fields>
  void group(const char* key, Fields fields) {
    Writer inner;
    fields(inner);
    json_[key] = inner.json_;
  }
  template <class T, class Fields>
  void optional_group(const char* key, const std::optional<T>& value, Fields fields) {
    if (value) group(key, [&](Writer& inner) { fields(inner, *value); });
  }
  Json& json() { return json_; }

 private:
  Json json_ = Json::object();
};

class Reader {
 public:
  Reader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json_.is_object()) throw ConfigError(path_, "must be an object");
  }

  template <class T>
  void field(const char* key, T& value) {
    const Json& json = at(key);
    if constexpr (std::is_same_v<T, bool>) {
      require(json.is_boolean(), key, "must be true or false", json);
    } else if constexpr (std::is_same_v<T, int64_t>) {
      require(json.is_number_integer(), key, "must be an integer", json);
    } else if constexpr (std::is_same_v<T, double>) {
      require(json.is_number(), key, "must be a number", json);
    } else if constexpr (std::is_same_v<T, DptActivation>) {
      require(json == "exp" || json == "inv_log", key, "must be \"exp\" or \"inv_log\"", json);
      value = json == "exp" ? DptActivation::kExp : DptActivation::kInvLog;
      return;
    } else {
      const auto is_integer = [](const Json& item) { return item.is_number_integer(); };
      require(json.is_array() && std::all_of(json.begin(), json.end(), is_integer),
              key,
              "must be a list of integers",
              json);
    }
    if constexpr (!std::is_same_v<T, DptActivation>) value = json.get<T>();
  }

  // A property of the architecture that this engine implements in one way only.
  template <class T>
  void fixed(const char* key, const T& value) {
    const Json& json = at(key);
    require(json == Json(value),
            key,
            "must be " + Json(value).dump() + ", nothing else is supported",
            json);
  }

  void ignored(const char* key) { seen_.insert(key); }

  template <class Fields>
  void group(const char* key, Fields fields) {
    Reader inner(at(key), path_ + "." + key);
    fields(inner);
    inner.finish();
  }

  template <class T, class Fields>
  void optional_group(const char* key, std::optional<T>& value, Fields fields) {
    if (!json_.contains(key)) return;
    value.emplace();
    group(key, [&](Reader& inner) { fields(inner, *value); });
  }

  void finish() const {
    for (const auto& [key, value] : json_.items()) {
      if (!seen_.count(key)) throw ConfigError(path_ + "." + key, "unknown field");
    }
  }

 private:
  const Json& at(const char* key) {
    seen_.insert(key);
    const auto found = json_.find(key);
    if (found == json_.end()) throw ConfigError(path_ + "." + key, "is missing");
    return *found;
  }
  void require(bool holds, const char* key, const std::string& rule, const Json& json) const {
    if (holds) return;
    // Lists and objects are named, not shown: they may be nested too deep for dump()'s recursion.
    throw ConfigError(path_ + "." + key,
                      rule + ", not " + (json.is_structured() ? json.type_name() : json.dump()));
  }

  const Json& json_;
  std::string path_;
  std::set<std::string> seen_;
};

template <class Visitor, class Config>
void dpt_fields(Visitor& v, Config& c, const ModelConfig& whole) {
  v.fixed("dim_in", whole.head_dim_in());
  v.fixed("patch_size", whole.patch_size);
  v.field("output_dim", c.output_dim);
  v.field("activation", c.activation);
  v.fixed("conf_activation", "expp1");
  v.field("features", c.features);
  v.field("out_channels", c.out_channels);
  v.field("intermediate_layer_idx", c.intermediate_layer_idx);
  v.field("pos_embed", c.pos_embed);
  v.field("feature_only", c.feature_only);
  v.field("down_ratio", c.down_ratio);
  v.field("hidden_channels_output_conv2", c.hidden_channels);
  v.field("frames_chunk_size", c.frames_chunk_size);
}

template <class Visitor, class Config>
void track_fields(Visitor& v, Config& c, const ModelConfig& whole) {
  v.fixed("dim_in", whole.head_dim_in());
  v.fixed("patch_size", whole.patch_size);
  v.field("features", c.features);
  v.field("iters", c.iters);
  v.fixed("predict_conf", true);
  v.field("stride", c.stride);
  v.field("corr_levels", c.corr_levels);
  v.field("corr_radius", c.corr_radius);
  v.field("hidden_size", c.hidden_size);
  v.group("feature_extractor", [&](auto& inner) {
    auto& extractor = c.feature_extractor;
    inner.field("features", extractor.features);
    inner.field("out_channels", extractor.out_channels);
    inner.field("intermediate_layer_idx", extractor.intermediate_layer_idx);
    inner.field("pos_embed", extractor.pos_embed);
    inner.field("feature_only", extractor.feature_only);
    inner.field("down_ratio", extractor.down_ratio);
  });
  v.group("tracker", [&](auto& tracker) {
    tracker.fixed("latent_dim", c.features);
    tracker.field("max_scale", c.max_scale);
    tracker.fixed("use_spaceatt", true);
    tracker.group("updateformer", [&](auto& inner) {
      inner.field("space_depth", c.space_depth);
      inner.field("time_depth", c.time_depth);
      inner.fixed("input_dim", c.transformer_dim());
      inner.fixed("hidden_size", c.hidden_size);
      inner.field("num_heads", c.num_heads);
      inner.fixed("output_dim", c.features + 2);
      inner.field("mlp_ratio", c.mlp_ratio);
      inner.field("num_virtual_tracks", c.num_virtual_tracks);
    });
    tracker.fixed("depth", c.time_depth);  // after time_depth is known
  });
}

template <class Visitor, class Config>
void model_fields(Visitor& v, Config& c) {
  v.field("img_size", c.img_size);
  v.field("patch_size", c.patch_size);
  v.field("embed_dim", c.embed_dim);
  v.field("num_register_tokens", c.num_register_tokens);
  v.group("patch_embed", [&](auto& inner) {
    inner.fixed("type", "dinov2");
    inner.field("depth", c.patch_embed.depth);
    inner.field("num_heads", c.patch_embed.num_heads);
    inner.field("mlp_ratio", c.patch_embed.mlp_ratio);
    inner.fixed("img_size", c.img_size);
    inner.fixed("patch_size", c.patch_size);
    inner.fixed("embed_dim", c.embed_dim);
    inner.fixed("num_register_tokens", c.num_register_tokens);
    inner.field("layer_norm_eps", c.patch_embed.layer_norm_eps);
    inner.fixed("interpolate_antialias", true);
    inner.fixed("interpolate_offset", 0.0);
    inner.fixed("qkv_bias", true);
    inner.fixed("ffn_bias", true);
    inner.fixed("proj_bias", true);
    inner.fixed("qk_norm", false);
  });
  v.group("aggregator", [&](auto& inner) {
    inner.field("depth", c.aggregator.depth);
    inner.field("num_heads", c.aggregator.num_heads);
    inner.field("mlp_ratio", c.aggregator.mlp_ratio);
    inner.fixed("qkv_bias", true);
    inner.fixed("proj_bias", true);
    inner.fixed("ffn_bias", true);
    inner.fixed("qk_norm", true);
    inner.field("rope_freq", c.aggregator.rope_freq);
    inner.fixed("aa_order", std::vector<std::string>{"frame", "global"});
    inner.fixed("aa_block_size", 1);
    inner.field("layer_norm_eps", c.aggregator.layer_norm_eps);
  });
  v.optional_group("camera_head", c.camera_head, [&](auto& inner, auto& head) {
    inner.fixed("dim_in", c.head_dim_in());
    inner.field("trunk_depth", head.trunk_depth);
    inner.field("num_heads", head.num_heads);
    inner.field("mlp_ratio", head.mlp_ratio);
    inner.fixed("pose_encoding_type", "absT_quaR_FoV");
    inner.field("num_iterations", head.num_iterations);
    inner.fixed("trans_act", "linear");
    inner.fixed("quat_act", "linear");
    inner.fixed("fl_act", "relu");
  });
  const auto dpt = [&](auto& inner, auto& head) { dpt_fields(inner, head, c); };
  v.optional_group("depth_head", c.depth_head, dpt);
  v.optional_group("point_head", c.point_head, dpt);
  v.optional_group(
      "track_head", c.track_head, [&](auto& inner, auto& head) { track_fields(inner, head, c); });
}

std::vector<std::string> head_names(const ModelConfig& config) {
  std::vector<std::string> names;
  if (config.camera_head) names.push_back("camera");
  if (config.depth_head) names.push_back("depth");
  if (config.point_head) names.push_back("point");
  if (config.track_head) names.push_back("track");
  return names;
}

std::vector<std::string> names_in(const Json& list, const std::string& field) {
  const auto is_name = [](const Json& item) { return item.is_string(); };
  if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_name)) {
    throw ConfigError(field, "must be a list of names");
  }
  return list.get<std::vector<std::string>>();
}

void check(bool holds, const std::string& field, const std::string& rule) {
  if (!holds) throw ConfigError(field, rule);
}

// Bounds that keep products of sizes far from overflow; real models stay far below them.
void check_size(int64_t value, const std::string& field, int64_t largest = 65536) {
  check(value >= 1 && value <= largest,
        field,
        "must be between 1 and " + std::to_string(largest) + ", not " + std::to_string(value));
}

void check_eps(double value, const std::string& field) {
  check(value > 0 && value < 1, field, "must be between 0 and 1");
}

void check_ratio(double ratio, int64_t channels, const std::string& field) {
  const double hidden = ratio * static_cast<double>(channels);
  check(ratio > 0 && ratio <= 64 && hidden == std::floor(hidden) && hidden >= 1,
        field,
        "must give a whole number of hidden channels");
}

void check_dpt(const DptConfig& head, const ModelConfig& whole, const std::string& field) {
  check_size(head.features, field + ".features");
  // Half of the features go on in a dense head; each quarter of what goes on takes a part of the
  // position embedding.
  const int64_t divisor = (head.feature_only ? 1 : 2) * (head.pos_embed ? 4 : 1);
  check(head.features % divisor == 0,
        field + ".features",
        "must be divisible by " + std::to_string(divisor));
  check(head.out_channels.size() == 4, field + ".out_channels", "must have four entries");
  for (const int64_t channels : head.out_channels) {
    check_size(channels, field + ".out_channels");
    check(!head.pos_embed || channels % 4 == 0,
          field + ".out_channels",
          "must be divisible by 4 with pos_embed");
  }
  const auto& layers = head.intermediate_layer_idx;
  const bool ascending =
      std::adjacent_find(layers.begin(), layers.end(), std::greater_equal<>()) == layers.end();
  check(layers.size() == 4 && ascending && layers.front() >= 0 &&
            layers.back() < whole.aggregator.depth,
        field + ".intermediate_layer_idx",
        "must be four ascending pairs below the aggregator's depth of " +
            std::to_string(whole.aggregator.depth));
  check_size(head.down_ratio, field + ".down_ratio", whole.patch_size);
  check_size(head.hidden_channels, field + ".hidden_channels_output_conv2");
  check_size(head.frames_chunk_size, field + ".frames_chunk_size");
}

void check_dense_head(const DptConfig& head,
                      const ModelConfig& whole,
                      int64_t output_dim,
                      const std::string& field) {
  check_dpt(head, whole, field);
  check(!head.feature_only, field + ".feature_only", "must be false");
  check(head.down_ratio == 1, field + ".down_ratio", "must be 1");
  check(head.output_dim == output_dim,
        field + ".output_dim",
        "must be " + std::to_string(output_dim) + ": its values and one confidence");
}

}  // namespace

ModelConfig ModelConfig::vggt_1b() {
  ModelConfig config;
  config.camera_head.emplace();
  config.depth_head.emplace();
  config.point_head = DptConfig{.output_dim = 4, .activation = DptActivation::kInvLog};
  config.track_head.emplace();
  // The public checkpoint's track head was trained with a position embedding and released without
  // one.
  config.track_head->feature_extractor = {
      .features = 128, .pos_embed = false, .feature_only = true, .down_ratio = 2};
  return config;
}

ModelConfig ModelConfig::mini() {
  ModelConfig config;
  config.img_size = 140;
  config.embed_dim = 192;
  config.patch_embed = {.depth = 6, .num_heads = 3};
  config.aggregator = {.depth = 6, .num_heads = 3};
  config.camera_head = CameraHeadConfig{.trunk_depth = 2, .num_heads = 6};
  config.depth_head = DptConfig{
      .features = 64, .out_channels = {48, 96, 192, 192}, .intermediate_layer_idx = {1, 3, 4, 5}};
  return config;
}

ModelConfig ModelConfig::tiny() {
  ModelConfig config;
  config.img_size = 84;
  config.embed_dim = 48;
  config.patch_embed = {.depth = 3, .num_heads = 3};
  config.aggregator = {.depth = 6, .num_heads = 3};
  config.camera_head = CameraHeadConfig{.trunk_depth = 2, .num_heads = 3};
  config.depth_head = DptConfig{
      .features = 32, .out_channels = {16, 24, 32, 40}, .intermediate_layer_idx = {1, 2, 4, 5}};
  config.point_head = config.depth_head;
  config.point_head->output_dim = 4;
  config.point_head->activation = DptActivation::kInvLog;
  config.track_head = TrackHeadConfig{.feature_extractor = *config.depth_head,
                                      .features = 32,
                                      .corr_levels = 3,
                                      .corr_radius = 3,
                                      .hidden_size = 48,
                                      .space_depth = 2,
                                      .time_depth = 2,
                                      .num_heads = 4,
                                      .num_virtual_tracks = 8};
  config.track_head->feature_extractor.pos_embed = false;
  config.track_head->feature_extractor.feature_only = true;
  config.track_head->feature_extractor.down_ratio = 2;
  return config;
}

const std::vector<std::string>& ModelConfig::preset_names() {
  static const std::vector<std::string> names = {"vggt-1b", "mini", "tiny"};
  return names;
}

ModelConfig ModelConfig::preset(const std::string& name) {
  if (name == "vggt-1b") return vggt_1b();
  if (name == "mini") return mini();
  if (name == "tiny") return tiny();
  throw ConfigError("model", "'" + name + "' is none of vggt-1b, mini, tiny");
}

void ModelConfig::keep_heads(const std::vector<std::string>& names, const std::string& field) {
  const std::vector<std::string> present = head_names(*this);
  for (const std::string& name : names) {
    if (std::find(present.begin(), present.end(), name) == present.end()) {
      throw ConfigError(field, "names '" + name + "', but there is no " + name + "_head");
    }
  }
  const auto wanted = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (!wanted("camera")) camera_head.reset();
  if (!wanted("depth")) depth_head.reset();
  if (!wanted("point")) point_head.reset();
  if (!wanted("track")) track_head.reset();
}

std::vector<int64_t> ModelConfig::kept_layers() const {
  std::set<int64_t> layers;
  const auto add = [&](const DptConfig& head) {
    layers.insert(head.intermediate_layer_idx.begin(), head.intermediate_layer_idx.end());
  };
  if (depth_head) add(*depth_head);
  if (point_head) add(*point_head);
  if (track_head) add(track_head->feature_extractor);
  return {layers.begin(), layers.end()};
}

void ModelConfig::validate() const {
  check_size(patch_size, "patch_size", 1024);
  check_size(img_size, "img_size");
  check(img_size % patch_size == 0, "img_size", "must be a multiple of patch_size");
  check_size(embed_dim, "embed_dim");
  check_size(num_register_tokens, "num_register_tokens", 1024);
  check_size(patch_embed.depth, "patch_embed.depth", 1024);
  check_size(patch_embed.num_heads, "patch_embed.num_heads");
  check(embed_dim % patch_embed.num_heads == 0, "patch_embed.num_heads", "must divide embed_dim");
  check_ratio(patch_embed.mlp_ratio, embed_dim, "patch_embed.mlp_ratio");
  check_eps(patch_embed.layer_norm_eps, "patch_embed.layer_norm_eps");
  check_size(aggregator.depth, "aggregator.depth", 1024);
  check_size(aggregator.num_heads, "aggregator.num_heads");
  check(embed_dim % (4 * aggregator.num_heads) == 0,
        "aggregator.num_heads",
        "must divide embed_dim into heads whose size is divisible by 4");
  check_ratio(aggregator.mlp_ratio, embed_dim, "aggregator.mlp_ratio");
  check(aggregator.rope_freq > 1, "aggregator.rope_freq", "must be above 1");
  check_eps(aggregator.layer_norm_eps, "aggregator.layer_norm_eps");
  if (camera_head) {
    check_size(camera_head->trunk_depth, "camera_head.trunk_depth", 1024);
    check_size(camera_head->num_heads, "camera_head.num_heads");
    check(head_dim_in() % camera_head->num_heads == 0,
          "camera_head.num_heads",
          "must divide twice the embed_dim");
    check_ratio(camera_head->mlp_ratio, head_dim_in(), "camera_head.mlp_ratio");
    check_size(camera_head->num_iterations, "camera_head.num_iterations", 64);
  }
  if (depth_head) check_dense_head(*depth_head, *this, 2, "depth_head");
  if (point_head) check_dense_head(*point_head, *this, 4, "point_head");
  if (!track_head) return;
  const TrackHeadConfig& track = *track_head;
  check_dpt(track.feature_extractor, *this, "track_head.feature_extractor");
  check(track.feature_extractor.feature_only,
        "track_head.feature_extractor.feature_only",
        "must be true");
  check(track.features == track.feature_extractor.features,
        "track_head.features",
        "must equal feature_extractor.features");
  check(track.features % 4 == 0, "track_head.features", "must be divisible by 4");
  check_size(track.iters, "track_head.iters", 64);
  check(track.stride == track.feature_extractor.down_ratio,
        "track_head.stride",
        "must equal feature_extractor.down_ratio");
  check_size(track.corr_levels, "track_head.corr_levels", 16);
  check_size(track.corr_radius, "track_head.corr_radius", 16);
  check_size(track.hidden_size, "track_head.hidden_size");
  check_size(track.time_depth, "track_head.tracker.updateformer.time_depth", 1024);
  check(track.space_depth >= 1 && track.time_depth % track.space_depth == 0,
        "track_head.tracker.updateformer.space_depth",
        "must divide time_depth");
  check(track.num_heads >= 1 && track.hidden_size % track.num_heads == 0,
        "track_head.tracker.updateformer.num_heads",
        "must divide hidden_size");
  check_ratio(track.mlp_ratio, track.hidden_size, "track_head.tracker.updateformer.mlp_ratio");
  check_size(track.num_virtual_tracks, "track_head.tracker.updateformer.num_virtual_tracks");
  check(track.max_scale > 0, "track_head.tracker.max_scale", "must be above 0");
}

std::string ModelConfig::to_json(int indent) const {
  Writer writer;
  model_fields(writer, *this);
  writer.json()["heads"] = head_names(*this);
  return writer.json().dump(indent);
}

ModelConfig ModelConfig::from_json(const std::string& text, const std::string& source) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw ConfigError(source, std::string("is not JSON: ") + error.what());
  }
  ModelConfig config;
  Reader reader(json, source);
  model_fields(reader, config);
  reader.ignored("heads");
  // Of no meaning for the model: the rule's seeds in the configs that go with test data.
  reader.ignored("weight_seed");
  reader.ignored("image_seed");
  reader.finish();
  if (json.contains("heads")) {
    config.keep_heads(names_in(json["heads"], source + ".heads"), source + ".heads");
  }
  try {
    config.validate();
  } catch (const ConfigError& error) {
    throw ConfigError(source, error.what());
  }
  return config;
}

ModelConfig ModelConfig::read(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    throw IoError(path,
                  std::string("cannot be read as a model's config.json: ") +
                      (errno != 0 ? std::strerror(errno) : "it is empty"));
  }
  return from_json(text.str(), path);
}

}  // namespace vggt
