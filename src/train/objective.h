// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/models/vggt.h"
#include "src/train/aids.h"
#include "src/train/batch.h"
#include "src/train/recipe.h"

namespace vggt::train {

/// What one step says about the model.
struct StepLosses {
  at::Tensor total;                                   ///< what is minimised, a scalar
  std::vector<std::pair<std::string, double>> parts;  ///< for the log, unweighted
};

/// What is trained, and by what loss: all that the loop (Trainer) does not know.
class Objective {
 public:
  virtual ~Objective() = default;

  /// The losses of a batch with gradients. The same step and batch give the same losses.
  virtual StepLosses losses(const Batch& batch, int64_t step) = 0;

  /// Everything that learns, by a name of its own; the model's by their checkpoint keys after
  /// "model.".
  virtual std::vector<std::pair<std::string, at::Tensor>> parameters() const = 0;
};

/// Cameras, depth and points as VGGT is trained, with the aids of the recipe.
class VggtObjective : public Objective {
 public:
  VggtObjective(std::shared_ptr<Vggt> model, const Recipe& recipe);

  StepLosses losses(const Batch& batch, int64_t step) override;
  std::vector<std::pair<std::string, at::Tensor>> parameters() const override;

 private:
  StepLosses encoder_losses(const Batch& batch, uint64_t seed) const;

  std::shared_ptr<Vggt> model_;
  std::shared_ptr<Aids> aids_;
  Recipe recipe_;
};

}  // namespace vggt::train
