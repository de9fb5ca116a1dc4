// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/quantized_linear/quantized_linear.h"
#include "src/accel/quant_recipe.h"
#include "src/base/progress.h"
#include "src/models/vggt.h"

namespace vggt::calibrate {

/// How weights become codes, from the plainest on.
enum class Method {
  kRoundToNearest,  ///< needs no images
  kSmoothQuant,     ///< inputs of attn.qkv and mlp.fc1 share their outliers with the weights
  kAwq,             ///< a scale per input, of 20 the one whose module's output changes least
  kGptq,            ///< column by column, re-targeted on the quantised model's inputs
  kQuantVggt,       ///< rotated by a Hadamard matrix, then smoothed; scenes are chosen
  kQvggt,           ///< AWQ on patch tokens, judged by poses and depth; fragile blocks are spared
};
Method method_named(const std::string& name);  ///< Throws ConfigError.
const std::vector<std::string>& method_names();

struct Options {
  accel::QuantRecipe recipe;
  Method method = Method::kQvggt;
  uint64_t seed = 0;
  int64_t most_scenes = 40;   ///< of kQuantVggt, which chooses them
  int64_t task_scenes = 4;    ///< of kQvggt: whole forwards judge by so many
  bool compensation = false;  ///< the mean camera token goes to the camera head
  ProgressCallback progress;
};

using BlockCodes = std::map<std::string, kernels::QuantizedWeight>;  ///< by layer

/// Where finished blocks are kept, so that an interrupted run goes on behind them.
struct BlockStore {
  std::function<std::optional<BlockCodes>(const std::string& block)> find;
  std::function<void(const std::string& block, const BlockCodes& codes)> keep;
};

/// What quantising a block alone does to the outputs (kQvggt).
struct Sensitivity {
  std::string block;
  double pose_rad = 0;
  double depth = 0;
  bool fragile = false;  ///< beyond the median by three median deviations: only attn.proj is coded
};

struct LayerReport {
  std::string layer;
  std::string scheme;
  double sqnr_db = 0;  ///< of the weight
  int64_t bytes = 0;
  int64_t half_bytes = 0;  ///< as bfloat16
};

struct Calibrated {
  BlockCodes layers;
  std::vector<LayerReport> report;  ///< in the order of a pass
  std::vector<Sensitivity> sensitivity;
  std::vector<size_t> scenes;     ///< that were used, of those given
  at::Tensor compensation_token;  ///< [2 C], or undefined
};

/// Codes for every layer that the recipe names, calibrated where it is one of the aggregator's
/// blocks, else rounded to nearest. scenes: images [1, S, 3, H, W] each. Statistics come from the
/// full-precision model (for kGptq also from the quantised one), which is float32 and on the CPU,
/// and has the codes afterwards. Everything follows from the arguments: an interrupted run that
/// goes on gives the same codes.
/// Throws ConfigError: a recipe that names no layer, a group that does not divide, weights, or
/// inputs of a layer on these images, that are not finite, no scenes for a method that needs them;
/// Cancelled.
Calibrated calibrate(Vggt& model,
                     const std::vector<at::Tensor>& scenes,
                     const Options& options,
                     const BlockStore& store = {});

}  // namespace vggt::calibrate
