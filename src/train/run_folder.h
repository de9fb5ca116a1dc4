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
  /// Names the folder of a new run, or of one that has a checkpoint. Throws ConfigError("output") if
  /// it holds something and `resume` is false, or no checkpoint and it is true. What a run left that
  /// ended before its first checkpoint is as nothing. Writes nothing.
  RunFolder(std::string path, bool resume);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  bool has_checkpoint() const;
  Checkpoint read() const;

  /// Makes the folder, writes recipe.json, and forgets what the log says of steps after `step`: they
  /// come again. Throws ConfigError("output") while another program writes into the folder.
  void begin(const Recipe& recipe, int64_t step);
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
  int lock_ = -1;
};

}  // namespace vggt::train
