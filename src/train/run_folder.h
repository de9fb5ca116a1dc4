// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "src/models/config.h"
#include "src/train/checkpoint.h"
#include "src/train/trainer.h"
#include "src/train/validation.h"

namespace vggt::train {

/// What the log holds of one quantity.
struct Curve {
  std::string name;
  std::vector<std::pair<int64_t, double>> points;  ///< (step, value)
};

/// The folder of a training run: recipe.json, log.jsonl (a StepReport a line, and what else
/// happened), checkpoint.safetensors, and model.safetensors, the averaged weights in bfloat16 as
/// other programs read them. Each file is replaced whole; the log only grows.
class RunFolder {
 public:
  /// Makes the folder for a new run, or opens one that holds a checkpoint. Throws
  /// ConfigError("output") if it holds a run and `resume` is false, or none and it is true;
  /// IoError.
  RunFolder(std::string path, bool resume);

  bool has_checkpoint() const;
  Checkpoint read() const;

  /// Writes recipe.json, and forgets what the log says of steps after `step`: they come again.
  void begin(const Recipe& recipe, int64_t step) const;
  void write(const Checkpoint& checkpoint, const ModelConfig& config) const;
  void log(const StepReport& report) const;
  void log(int64_t step, const ValidationScores& scores) const;
  /// Something else that happened after `step` steps.
  void log(int64_t step, const std::string& event, const std::string& text) const;
  std::vector<StepReport> reports() const;
  /// The loss, its parts and the validation scores, in the order in which they first appear.
  std::vector<Curve> curves() const;

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace vggt::train
