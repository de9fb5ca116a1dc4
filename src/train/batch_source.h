// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include <c10/core/Device.h>

#include "src/synthetic/textures.h"
#include "src/train/batch.h"
#include "src/train/recipe.h"

namespace vggt::train {

/// The batches of a recipe, in order, rendered on a thread of its own while the last ones are
/// learned from. Batch k depends on the recipe and k alone, so a run that is resumed goes on as it
/// would have.
///
/// This is the place that decides where pictures are rendered: on the device that learns. On a GPU
/// the CUDA ray caster draws them, on a stream of its own, while all of LibTorch's threads place
/// cameras; on the CPU one thread renders and what learns has the others. A GPU's pictures are those
/// of the CPU but for rounding (raycast()). What concerns the GPU has been compiled, not run yet;
/// BatchSourceOnGpu compares it with the CPU where there is one.
class BatchSource {
 public:
  /// photos  as in synthetic::TextureOptions
  /// device  that learns
  BatchSource(const Recipe& recipe,
              const std::vector<at::Tensor>& photos,
              int64_t first_step,
              at::Device device);
  ~BatchSource();
  BatchSource(const BatchSource&) = delete;
  BatchSource& operator=(const BatchSource&) = delete;

  /// The batch of the next step, on the device; waits for it. Throws what rendering threw.
  Batch next();

 private:
  using Scenes = std::vector<synthetic::Sample>;

  const Scenes& scenes_of(int64_t render);
  Scenes render(int64_t index) const;
  void run(int64_t step);

  Recipe recipe_;
  at::Device device_;
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
