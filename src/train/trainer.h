// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "src/base/progress.h"
#include "src/train/batch_source.h"
#include "src/train/checkpoint.h"
#include "src/train/objective.h"
#include "src/train/recipe.h"

namespace torch::optim {
class AdamW;
}

namespace vggt::train {

/// The mean of some steps, for the log and the curves.
struct StepReport {
  int64_t step = 0;    ///< the last of them, counted from 1
  double seconds = 0;  ///< since the run began
  double learning_rate = 0;
  double gradient_norm = 0;
  double loss = 0;
  std::vector<std::pair<std::string, double>> parts;  ///< StepLosses::parts
};

struct TrainerOptions {
  std::vector<at::Tensor> photos;  ///< crops of them are textures: synthetic::TextureOptions
  int64_t report_every = 20;       ///< steps
  std::function<void(const StepReport&)> on_report;
  double checkpoint_minutes = 5;
  /// Called then, at the end, and when cancelled.
  std::function<void(const Checkpoint&)> on_checkpoint;
  /// Told why a step was left out: its loss or gradient was not finite.
  std::function<void(const std::string&)> on_skip;
  double stop_after_minutes = 0;  ///< of this call of run(); 0: when the recipe's steps are done
};

/// The loop: AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019)
/// under warm-up, a constant rate and a decay at the end, clipped gradients, an exponential moving
/// average of the weights, bf16 autocast. It knows neither the model nor the loss.
class Trainer {
 public:
  /// objective  on the device where it is to learn; must live as long as this
  Trainer(Objective& objective, const Recipe& recipe, TrainerOptions options);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Goes on where `checkpoint` was taken. Throws ConfigError if it is of another recipe or model.
  void resume(const Checkpoint& checkpoint);

  /// Throws Cancelled after a checkpoint if the progress callback says so, ModelError if ten steps
  /// in a row had to be left out.
  void run(const ProgressCallback& progress = {});

  Checkpoint checkpoint() const;

  /// What is run; after resume() with the weights that the run began with.
  const Recipe& recipe() const { return recipe_; }

  /// The averaged weights by the parameters' names, float32.
  const std::map<std::string, at::Tensor>& average() const { return average_; }

  /// While it lives, the parameters are the averaged ones: for measuring them.
  class WithAverage {
   public:
    explicit WithAverage(Trainer& trainer);
    ~WithAverage();

   private:
    Trainer& trainer_;
    std::map<std::string, at::Tensor> learned_;
  };

 private:
  bool step(const Batch& batch, StepReport& sum);
  double learning_rate() const;
  void update_average();

  Objective& objective_;
  Recipe recipe_;
  TrainerOptions options_;
  std::vector<std::pair<std::string, at::Tensor>> parameters_;
  std::unique_ptr<torch::optim::AdamW> optimiser_;
  std::map<std::string, at::Tensor> average_;
  int64_t step_ = 0;
  int64_t updates_ = 0;
  double seconds_ = 0;
};

}  // namespace vggt::train
