// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "src/accel/merge_options.h"
#include "src/models/precision.h"
#include "src/models/vggt.h"

namespace CLI {
class App;
}

namespace vggt::apps {

/// What the subcommands that run a model have in common.
struct ModelOptions {
  std::string weights;             ///< a file, or "synthetic:SEED"; empty: the bundled model
  std::string model;               ///< a preset, with synthetic weights
  std::string config;              ///< a config.json; empty: from the weights
  std::vector<std::string> heads;  ///< camera, depth, point, track; empty: all that are there
  std::string precision = "auto";
  std::string device = "auto";
  int64_t max_memory = 0;     ///< bytes that a run may take; 0: what the device has
  accel::MergeOptions accel;  ///< of the subcommands that have add_accel_options()
};

void add_model_options(CLI::App& app, ModelOptions& options);

/// The weights that are meant: as given, or the bundled model's file. Throws ConfigError if that is
/// not there.
std::string weights_of(const ModelOptions& options);

/// --precision, which names a dtype or a scheme of quantisation, as the dtype of what is not
/// quantised, on `device`. Throws ConfigError.
Precision precision_of(const ModelOptions& options, c10::Device device);

/// The same in full, for comparing runs: a recipe's rules, not its file's name.
std::string describe_precision(const ModelOptions& options, c10::Device device);

/// A model that is ready to run, and what a report must say about it.
struct LoadedModel {
  std::shared_ptr<Vggt> model;
  c10::Device device = c10::Device(c10::kCPU);
  Precision precision = Precision::kFloat32;
  std::string weights;  ///< as given
  std::string licence;
  std::string note;      ///< what every output must say (synthetic weights); mostly empty
  ModelOptions options;  ///< as asked for
  std::vector<std::string> assumed;  ///< fields of the config that the file does not tell
  bool quantized = false;            ///< the file holds codes
  double seconds = 0;                ///< loading took

  /// "bf16", "bf16 with int8": what the products are made in.
  std::string arithmetic() const;

  /// weights, licence, note, precision, merging, device and the versions of engine and LibTorch.
  nlohmann::ordered_json describe() const;
};

/// Throws IoError or ConfigError. Says on standard error what the user must know (note,
/// assumptions, licence).
LoadedModel load(const ModelOptions& options, const ProgressCallback& progress);

}  // namespace vggt::apps
