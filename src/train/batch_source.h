// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "src/synthetic/textures.h"
#include "src/train/batch.h"
#include "src/train/recipe.h"

namespace vggt::train {

/// The batches of a recipe, in order, rendered on a thread of its own while the last ones are
/// learned from. Batch k depends on the recipe and k alone, so a run that is resumed goes on as it
/// would have. Textures and renders stay on the CPU.
class BatchSource {
 public:
  /// photos   as in synthetic::TextureOptions
  /// threads  that render; what learns has the others
  BatchSource(const Recipe& recipe,
              const std::vector<at::Tensor>& photos,
              int64_t first_step,
              int threads);
  ~BatchSource();
  BatchSource(const BatchSource&) = delete;
  BatchSource& operator=(const BatchSource&) = delete;

  /// The batch of the next step; waits for it. Throws what rendering threw.
  Batch next();

 private:
  using Scenes = std::vector<synthetic::Sample>;

  const Scenes& scenes_of(int64_t render);
  Scenes render(int64_t index) const;
  void run(int64_t step, int threads);

  Recipe recipe_;
  synthetic::Textures textures_;
  std::map<int64_t, Scenes> group_;  ///< renders in use; of the thread alone

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Batch> ready_;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vggt::train
