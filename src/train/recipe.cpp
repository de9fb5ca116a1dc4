// SPDX-License-Identifier: Apache-2.0
#include "src/train/recipe.h"

#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "src/base/error.h"
#include "src/io/json_file.h"
#include "src/synthetic/rig.h"
#include "src/synthetic/stage.h"
#include "src/synthetic/textures.h"

namespace vggt::train {
namespace {

using Json = nlohmann::ordered_json;

// One list of fields serves reading and writing.
template <class Visitor>
void visit(DataRecipe& r, Visitor& field) {
  field("kinds", r.kinds);
  field("rigs", r.rigs);
  field("sizes_px", r.sizes_px);
  field("min_frames", r.min_frames);
  field("max_frames", r.max_frames);
  field("pictures", r.pictures);
  field("min_overlap", r.min_overlap);
  field("tracks", r.tracks);
  field("spread_start", r.spread_start);
  field("spread_steps", r.spread_steps);
  field("reuse", r.reuse);
  field("group", r.group);
  field("textures", r.textures);
  field("texture_seed", r.texture_seed);
  field("photos", r.photos);
}

template <class Visitor>
void visit(OptimiserRecipe& r, Visitor& field) {
  field("learning_rate", r.learning_rate);
  field("warmup_steps", r.warmup_steps);
  field("decay_steps", r.decay_steps);
  field("weight_decay", r.weight_decay);
  field("betas", r.betas);
  field("clip_norm", r.clip_norm);
  field("ema_decay", r.ema_decay);
}

template <class Visitor>
void visit(CameraLossOptions& r, Visitor& field) {
  field("decay", r.decay);
  field("huber", r.huber);
  field("translation", r.translation);
  field("rotation", r.rotation);
  field("field_of_view", r.field_of_view);
}

template <class Visitor>
void visit(LossRecipe& r, Visitor& field) {
  field("camera", r.camera);
  field("camera_parts", r.camera_parts);
  field("depth", r.depth);
  field("depth_gradient", r.depth_gradient);
  field("point", r.point);
  field("track", r.track);
  field("descriptor", r.descriptor);
  field("attention", r.attention);
  field("own_place", r.own_place);
  field("place", r.place);
  field("coarse_point", r.coarse_point);
  field("aids_from", r.aids_from);
  field("fade_steps", r.fade_steps);
  field("confidence_reward", r.confidence_reward);
  field("attention_blocks", r.attention_blocks);
  field("queries", r.queries);
}

template <class Visitor>
void visit(ComeRecipe& r, Visitor& field) {
  field("width", r.width);
  field("tap", r.tap);
  field("pairs", r.pairs);
}

template <class Visitor>
void visit(ValidationRecipe& r, Visitor& field) {
  field("scenes", r.scenes);
  field("frames", r.frames);
  field("seed", r.seed);
}

template <class Visitor>
void visit(Recipe& r, Visitor& field) {
  field("model", r.model);
  field("weights", r.weights);
  field("seed", r.seed);
  field("encoder_steps", r.encoder_steps);
  field("steps", r.steps);
  field("bf16", r.bf16);
  field("data", r.data);
  field("optimiser", r.optimiser);
  field("loss", r.loss);
  field("come", r.come);
  field("validation", r.validation);
}

template <class T>
concept HasFields = requires(T& value, int& visitor) {
  visit(value, visitor);
};

class Writer {
 public:
  template <class T>
  void operator()(const char* name, T& value) {
    if constexpr (HasFields<T>) {
      Writer inner;
      visit(value, inner);
      json[name] = inner.json;
    } else {
      json[name] = value;
    }
  }

  Json json = Json::object();
};

class Reader {
 public:
  Reader(const Json& json, std::string source, std::string prefix)
      : json_(json), source_(std::move(source)), prefix_(std::move(prefix)) {
    if (!json.is_object()) {
      const std::string what = prefix_.empty() ? "a recipe" : prefix_.substr(0, prefix_.size() - 1);
      throw ConfigError(source_, what + " must be an object");
    }
  }

  template <class T>
  void operator()(const char* name, T& value) {
    known_[name] = true;
    if (!json_.contains(name)) return;
    if constexpr (HasFields<T>) {
      Reader inner(json_[name], source_, prefix_ + name + ".");
      visit(value, inner);
      inner.refuse_unknown();
    } else {
      try {
        check_number<T>(json_[name], name);
        value = json_[name].get<T>();
        // A list that was longer, or whose numbers were cut, is not what was written.
        if (json_[name].is_array() && Json(value) != json_[name]) {
          throw ConfigError(source_,
                            prefix_ + name + " must be a list like " + Json(value).dump() +
                                ", of so many and such numbers");
        }
      } catch (const Json::exception& problem) {
        throw ConfigError(source_, prefix_ + name + " cannot be used: " + problem.what());
      }
    }
  }

  void refuse_unknown() const {
    for (const auto& [name, value] : json_.items()) {
      if (!known_.count(name)) throw ConfigError(source_, "there is no field " + prefix_ + name);
    }
  }

 private:
  // nlohmann-json would cut 2.5 off and take -1 for a large number.
  template <class T>
  void check_number(const Json& json, const char* name) const {
    const bool fits =
        !std::is_integral_v<T> || std::is_same_v<T, bool> ||
        (std::is_unsigned_v<T> ? json.is_number_unsigned() : json.is_number_integer());
    if (!fits) throw ConfigError(source_, prefix_ + name + " must be a whole number");
  }

  const Json& json_;
  std::string source_;
  std::string prefix_;
  std::map<std::string, bool> known_;
};

void check(const Recipe& recipe, const std::string& source) {
  const auto require = [&](bool fits, const std::string& what) {
    if (!fits) throw ConfigError(source, what);
  };
  // Of a name that means nothing: which file and field it stands in.
  const auto known = [&](const char* field, const std::string& name, const auto& look_up) {
    try {
      return look_up(name);
    } catch (const ConfigError& problem) {
      throw ConfigError(source, std::string(field) + " '" + name + "': " + problem.what());
    }
  };
  const ModelConfig model = known("model", recipe.model, ModelConfig::preset);
  const DataRecipe& data = recipe.data;
  for (const std::string& kind : data.kinds) known("data.kinds", kind, synthetic::scene_kind);
  for (const std::string& rig : data.rigs) known("data.rigs", rig, synthetic::rig_kind);
  require(!data.kinds.empty(), "data.kinds must name a kind of scene");
  require(!data.rigs.empty(), "data.rigs must name a rig");
  require(!data.sizes_px.empty(), "data.sizes_px must name a size");
  for (const auto& [height, width] : data.sizes_px) {
    require(
        height > 0 && width > 0 && height % model.patch_size == 0 && width % model.patch_size == 0,
        "data.sizes_px must be multiples of " + std::to_string(model.patch_size));
  }
  require(data.min_frames >= 1 && data.max_frames >= data.min_frames,
          "data.min_frames must be at least 1 and at most data.max_frames");
  require(data.pictures >= 1, "data.pictures must be at least 1");
  require(data.reuse >= 1 && data.group >= 1, "data.reuse and data.group must be at least 1");
  require(data.spread_start > 0 && data.spread_start <= 1 && data.spread_steps >= 1,
          "data.spread_start must be above 0 and at most 1, data.spread_steps at least 1");
  require(data.textures >= synthetic::kTextureKinds,
          "data.textures must be at least " + std::to_string(synthetic::kTextureKinds));
  require(data.min_overlap >= 0 && data.min_overlap <= 0.9, "data.min_overlap must be 0 to 0.9");
  require(data.tracks >= 0, "data.tracks must not be negative");
  require(recipe.validation.scenes >= 0 && recipe.validation.frames >= 2,
          "validation.scenes must not be negative, validation.frames at least 2");
  require(recipe.steps >= 1 && recipe.encoder_steps >= 0, "steps must be at least 1");
  const OptimiserRecipe& optimiser = recipe.optimiser;
  require(optimiser.learning_rate > 0 && optimiser.clip_norm > 0,
          "optimiser.learning_rate and clip_norm must be above 0");
  require(optimiser.warmup_steps >= 0 && optimiser.decay_steps >= 0 && optimiser.weight_decay >= 0,
          "optimiser.warmup_steps, decay_steps and weight_decay must not be negative");
  for (const double beta : optimiser.betas) {
    require(beta >= 0 && beta < 1, "optimiser.betas must be in [0, 1)");
  }
  const LossRecipe& loss = recipe.loss;
  for (const double weight : {loss.camera,
                              loss.depth,
                              loss.depth_gradient,
                              loss.point,
                              loss.track,
                              loss.descriptor,
                              loss.attention,
                              loss.own_place,
                              loss.place,
                              loss.coarse_point}) {
    require(weight >= 0, "loss: no weight may be negative");
  }
  require(optimiser.ema_decay >= 0 && optimiser.ema_decay < 1,
          "optimiser.ema_decay must be in [0, 1)");
  require(recipe.loss.confidence_reward > 0, "loss.confidence_reward must be above 0");
  require(recipe.loss.camera_parts.huber > 0, "loss.camera_parts.huber must be above 0");
  require(
      recipe.loss.attention_blocks >= 0 && recipe.loss.attention_blocks <= model.aggregator.depth,
      "loss.attention_blocks must be 0 to the model's " + std::to_string(model.aggregator.depth));
  require(recipe.loss.aids_from >= 0 && recipe.loss.fade_steps >= 1,
          "loss.aids_from must not be negative, loss.fade_steps at least 1");
  require(recipe.come.width >= 1 && recipe.come.width <= 128, "come.width must be 1 to 128");
  require(recipe.come.tap >= -1 && recipe.come.pairs >= 1,
          "come.tap must be at least -1, come.pairs at least 1");
  require(recipe.loss.queries >= 1, "loss.queries must be at least 1");
}

}  // namespace

std::string Recipe::to_json() const {
  Writer writer;
  Recipe copy = *this;
  visit(copy, writer);
  return writer.json.dump(1);
}

Recipe Recipe::from_json(const std::string& text, const std::string& source) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception& problem) {
    throw ConfigError(source, std::string("is not JSON: ") + problem.what());
  }
  Recipe recipe;
  Reader reader(json, source, "");
  visit(recipe, reader);
  reader.refuse_unknown();
  check(recipe, source);
  return recipe;
}

Recipe Recipe::read(const std::string& path) { return from_json(read_json(path).dump(), path); }

}  // namespace vggt::train
