// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "src/accel/come_predictor.h"
#include "src/train/checkpoint.h"
#include "src/train/objective.h"

namespace vggt::train {

/// Distils the predictor of Co-Me from a model, which stays as it is: of patches of a scene the
/// model's own depth confidence says which is the higher one, and the predictor learns their order.
/// Chen et al., "Co-Me", CVPR 2026: mean of log(1 + exp(c_low - c_high)) over pairs drawn at random.
class ComeObjective : public Objective {
 public:
  /// teacher  float32, on the device where the predictor is to learn
  /// Throws ConfigError if it has no depth head, or recipe.come does not fit it.
  ComeObjective(std::shared_ptr<const Vggt> teacher, const Recipe& recipe);

  StepLosses losses(const Batch& batch, int64_t step) override;
  std::vector<std::pair<std::string, at::Tensor>> parameters() const override;

  /// What a run ends with: the averaged weights.
  accel::ComePredictorFile averaged(const Checkpoint& checkpoint) const;

 private:
  std::shared_ptr<const Vggt> teacher_;
  Recipe recipe_;
  accel::ComePredictorFile student_;
};

}  // namespace vggt::train
