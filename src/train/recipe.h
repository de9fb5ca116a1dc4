// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "src/models/config.h"
#include "src/train/loss.h"

namespace vggt::train {

/// What is rendered.
struct DataRecipe {
  std::vector<std::string> kinds = {"room", "object", "street", "corridor"};
  std::vector<std::string> rigs = {"orbit", "walk", "sparse", "turn", "drive"};
  std::vector<std::array<int64_t, 2>> sizes_px = {{140, 140}, {112, 140}, {98, 140}};  ///< H, W
  int64_t min_frames = 2;  ///< of a scene
  int64_t max_frames = 4;
  /// Of a step: scenes times frames of 140 x 140 pixels, 100 patches each, up to a third more. A
  /// scene of larger pictures has fewer frames than max_frames where it would not fit, so that a
  /// step's memory is bounded; min_frames it always has.
  int64_t pictures = 32;
  double min_overlap = 0.25;
  int64_t tracks = 0;           ///< points of frame 0 to follow, for a track head
  double spread_start = 0.15;   ///< SampleOptions::spread at first, growing to 1
  int64_t spread_steps = 5000;  ///< in so many steps
  int64_t reuse = 3;            ///< steps that a render serves, each with new photometric changes
  int64_t group = 16;           ///< renders that take turns meanwhile
  int64_t textures = 512;       ///< pictures in the atlas
  uint64_t texture_seed = 0;
  std::string photos;  ///< folder of photos whose crops are textures, too; "": none
};

struct OptimiserRecipe {
  double learning_rate = 6e-4;
  int64_t warmup_steps = 200;  ///< of each of the two parts
  int64_t decay_steps =
      500;  ///< the last ones: the learning rate falls to nearly 0 as half a cosine
  double weight_decay = 0.05;  ///< of matrices
  std::array<double, 2> betas = {0.9, 0.95};
  double clip_norm = 1;
  double ema_decay = 0.999;  ///< of the averaged weights, which are the result
};

struct LossRecipe {
  double camera = 3;
  CameraLossOptions camera_parts = {.huber = 0.01, .rotation = 3, .field_of_view = 1};
  double depth = 1;
  double depth_gradient = 0.5;
  double confidence_reward = 0.2;  ///< dense_loss()'s, that of the VGGT paper
  double point = 1;                ///< only with a point head
  double track = 0.05;             ///< only with a track head, and data.tracks
  // The aids (Aids), which fade away from step `aids_from` on within `fade_steps`.
  double descriptor = 0.3;
  double attention = 1;
  double own_place = 1;
  double place = 2;
  double coarse_point = 1;
  int64_t aids_from = 10000;
  int64_t fade_steps = 10000;
  int64_t attention_blocks = 4;  ///< of the first global blocks, that learn to match
  int64_t queries = 64;          ///< patches per frame that are matched in a step
};

/// The predictor of Co-Me that is distilled from a model (ComeObjective).
struct ComeRecipe {
  int64_t width = 128;  ///< channels
  int64_t tap =
      -1;  ///< it reads the tokens behind this block of the encoder; -1: about 5/8 of them
  int64_t pairs = 32768;  ///< of patches that are compared in a step, at most as many as there are
};

/// Held-out scenes that are scored with the averaged weights whenever a checkpoint is written: of
/// the recipe's kinds and its first size, with any rig.
struct ValidationRecipe {
  int64_t scenes = 24;  ///< 0: none
  int64_t frames = 4;
  uint64_t seed = 1000;  ///< of the scenes and of their textures
};

/// A training run, whole: the same recipe gives the same run on the same machine. The encoder alone
/// learns first, then all; steps are counted within their part. The learning rate stays the same
/// up to the last steps, so that a run can be ended, or go on, where one wants.
struct Recipe {
  std::string model = "mini";  ///< preset
  std::string weights;         ///< file of the weights that it begins with; "": random ones
  uint64_t seed = 0;
  int64_t encoder_steps = 0;  ///< the encoder alone learns descriptors
  int64_t steps = 20000;      ///< after these
  bool bf16 = true;           ///< autocast of products
  DataRecipe data;
  OptimiserRecipe optimiser;
  LossRecipe loss;
  ComeRecipe come;
  ValidationRecipe validation;

  int64_t all_steps() const { return encoder_steps + steps; }

  std::string to_json() const;
  /// Fields that are left out keep their defaults. Throws ConfigError naming `source` and the
  /// field: unknown, of the wrong type or out of range.
  static Recipe from_json(const std::string& text, const std::string& source);
  static Recipe read(const std::string& path);
};

}  // namespace vggt::train
