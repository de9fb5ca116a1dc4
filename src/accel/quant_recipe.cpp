// SPDX-License-Identifier: Apache-2.0
#include "src/accel/quant_recipe.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "src/accel/quantize.h"
#include "src/base/error.h"
#include "src/io/json_file.h"
#include "src/nn/block.h"

namespace vggt::accel {
namespace {

constexpr const char* kUnquantized = "bf16";

std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts;
  std::istringstream text(name);
  for (std::string part; std::getline(text, part, '.');) parts.push_back(part);
  return parts;
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& layer) {
  if (pattern.size() > layer.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != "*" && pattern[i] != layer[i]) return false;
  }
  return true;
}

// Larger is more specific.
std::pair<size_t, size_t> weight_of(const std::vector<std::string>& pattern) {
  const auto named = static_cast<size_t>(
      std::count_if(pattern.begin(), pattern.end(), [](const auto& p) { return p != "*"; }));
  return {pattern.size(), named};
}

}  // namespace

std::string QuantRecipe::scheme_of(const std::string& layer) const {
  const std::vector<std::string> name = parts_of(layer);
  std::pair<size_t, size_t> best = {0, 0};
  std::string scheme;
  for (const auto& [text, of_rule] : rules) {
    const std::vector<std::string> pattern = parts_of(text);
    if (!fits(pattern, name) || weight_of(pattern) < best) continue;
    best = weight_of(pattern);
    scheme = of_rule;
  }
  return scheme == kUnquantized ? "" : scheme;
}

void QuantRecipe::check(const std::vector<std::string>& layers) const {
  for (const auto& [text, scheme] : rules) {
    const std::vector<std::string> pattern = parts_of(text);
    const auto fitting = std::find_if(layers.begin(), layers.end(), [&](const std::string& layer) {
      return fits(pattern, parts_of(layer));
    });
    if (fitting == layers.end()) {
      throw ConfigError("recipe",
                        "'" + text + "' is the beginning of no layer's name; there are " +
                            (layers.empty() ? "none" : layers.front() + " to " + layers.back()));
    }
  }
}

std::string QuantRecipe::to_json() const {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [pattern, scheme] : rules) json[pattern] = scheme;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

QuantRecipe quant_recipe(const std::string& scheme) {
  const std::string name = to_string(quant_scheme(scheme));
  QuantRecipe recipe = {{{"aggregator.frame_blocks", name}, {"aggregator.global_blocks", name}}};
  if (name == "fp8") {
    recipe.rules.emplace_back("aggregator.patch_embed.blocks", name);
    recipe.rules.emplace_back("aggregator.*.*.attn.proj", kUnquantized);
    recipe.rules.emplace_back("aggregator.patch_embed.blocks.*.attn.proj", kUnquantized);
  }
  return recipe;
}

QuantRecipe read_quant_recipe(const std::string& path) {
  const nlohmann::json json = read_json(path);
  if (!json.is_object() || json.empty()) {
    throw IoError(path, "must be an object of layers' names and schemes, and not empty");
  }
  QuantRecipe recipe;
  for (const auto& [pattern, scheme] : json.items()) {
    if (!scheme.is_string()) throw IoError(path, pattern + ": must be a scheme's name");
    const auto name = scheme.get<std::string>();
    try {
      recipe.rules.emplace_back(pattern,
                                name == kUnquantized ? name : to_string(quant_scheme(name)));
    } catch (const ConfigError& error) {
      throw IoError(path, pattern + ": " + error.what() + "; or bf16: not quantised");
    }
  }
  return recipe;
}

bool is_quantized_precision(const std::string& name) {
  return name.ends_with(".json") || name == "fp8" || name == "int8" || name.starts_with("w8a16") ||
         name.starts_with("w4a16");
}

QuantRecipe recipe_of_precision(const std::string& name) {
  return name.ends_with(".json") ? read_quant_recipe(name) : quant_recipe(name);
}

NamedLayers block_layers(const torch::nn::Module& model) {
  NamedLayers layers;
  for (const auto& item : model.named_modules("", /*include_self=*/false)) {
    const auto block = std::dynamic_pointer_cast<nn::Block>(item.value());
    if (!block) continue;
    layers.emplace_back(item.key() + ".attn.qkv", block->attn->qkv);
    layers.emplace_back(item.key() + ".attn.proj", block->attn->proj);
    layers.emplace_back(item.key() + ".mlp.fc1", block->mlp->fc1);
    layers.emplace_back(item.key() + ".mlp.fc2", block->mlp->fc2);
  }
  return layers;
}

}  // namespace vggt::accel
