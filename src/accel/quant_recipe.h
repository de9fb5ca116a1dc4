// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace torch::nn {
class Module;
}
namespace vggt::nn {
struct Linear;
}

namespace vggt::accel {

/// Which layers are quantised and how: patterns and schemes (quant_scheme(), or "bf16": not at all).
/// A pattern is the beginning of a layer's name, in whole parts, with * for any one part:
/// "aggregator.frame_blocks", "aggregator.*.23.attn.proj". Of those that fit a layer the one with
/// the most parts counts, of these the one with the fewest *, of these the last.
struct QuantRecipe {
  std::vector<std::pair<std::string, std::string>> rules;

  bool empty() const { return rules.empty(); }
  /// The scheme of a layer, or "": it is not quantised.
  std::string scheme_of(const std::string& layer) const;
  /// Throws ConfigError if a pattern fits none of `layers`.
  void check(const std::vector<std::string>& layers) const;
  std::string to_json() const;  ///< the object that read_quant_recipe() takes
};

/// The recipe of a scheme's name. "fp8" takes encoder and aggregator but for attn.proj (Ren et al.,
/// "LiteVGGT", 2025); the others the aggregator's frame and global blocks (Wang et al., "QVGGT",
/// CVPR 2026). Throws ConfigError.
QuantRecipe quant_recipe(const std::string& scheme);

/// A JSON file: {"aggregator.frame_blocks": "w4a16", "aggregator.frame_blocks.14": "bf16", ...}.
/// Throws IoError or ConfigError.
QuantRecipe read_quant_recipe(const std::string& path);

/// Of --precision: whether it names a scheme or a recipe's file (*.json), and that recipe.
bool is_quantized_precision(const std::string& name);
QuantRecipe recipe_of_precision(const std::string& name);

/// The layers that can be quantised, by name and in the order of a forward pass: attn.qkv,
/// attn.proj, mlp.fc1 and mlp.fc2 of each transformer block.
using NamedLayers = std::vector<std::pair<std::string, std::shared_ptr<nn::Linear>>>;
NamedLayers block_layers(const torch::nn::Module& model);

}  // namespace vggt::accel
