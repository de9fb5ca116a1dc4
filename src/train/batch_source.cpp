// SPDX-License-Identifier: Apache-2.0
#include "src/train/batch_source.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "src/synthetic/random.h"

namespace vggt::train {
namespace {

using synthetic::Random;

enum Stream : uint64_t { kRender, kPhotometric };

}  // namespace

BatchSource::BatchSource(const Recipe& recipe,
                         const std::vector<at::Tensor>& photos,
                         int64_t first_step,
                         at::Device device)
    : recipe_(recipe),
      device_(device),
      textures_(synthetic::make_textures(
          {.seed = recipe.data.texture_seed, .count = recipe.data.textures, .photos = photos})) {
  // Samples are rendered where the atlas is.
  textures_.atlas = textures_.atlas.to(device_);
  thread_ = std::thread([this, first_step] { run(first_step); });
}

BatchSource::~BatchSource() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Batch BatchSource::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !ready_.empty() || failure_; });
  if (ready_.empty()) std::rethrow_exception(failure_);
  Batch batch = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  if (!device_.is_cpu()) {
    // The rendering stream's memory: it may have it back once this thread's stream is done with it.
    const c10::Stream stream = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
    batch.each([&](const at::Tensor& tensor) { tensor.record_stream(stream); });
  }
  return batch;
}

// Scenes of one size and frame count, about recipe.data.pictures pictures of 140 x 140 together:
// one scene of fewer frames where these are large.
BatchSource::Scenes BatchSource::render(int64_t index) const {
  const DataRecipe& data = recipe_.data;
  Random random = Random(recipe_.seed, kRender).stream(static_cast<uint64_t>(index));
  const auto one_of = [&](const auto& list) {
    return list[static_cast<size_t>(random.index(static_cast<int64_t>(list.size())))];
  };
  const auto [height, width] = one_of(data.sizes_px);
  constexpr double kPixels = 140 * 140;
  const double pictures =
      static_cast<double>(data.pictures) * kPixels / static_cast<double>(height * width);
  const int64_t most_frames =
      std::clamp(static_cast<int64_t>(pictures), data.min_frames, data.max_frames);
  const int64_t frames = random.integer(data.min_frames, most_frames);
  const int64_t count = std::max<int64_t>(1, std::llround(pictures / static_cast<double>(frames)));

  // The cameras of a scene move apart while the model learns.
  const double grown = static_cast<double>(index * data.reuse - recipe_.encoder_steps) /
                       static_cast<double>(data.spread_steps);
  const double spread = data.spread_start + (1 - data.spread_start) * std::clamp(grown, 0.0, 1.0);
  Scenes scenes;
  for (int64_t i = 0; i < count; ++i) {
    synthetic::SampleOptions options;
    options.kind = synthetic::scene_kind(one_of(data.kinds));
    options.rig = synthetic::rig_kind(one_of(data.rigs));
    options.frames = frames;
    options.height_px = height;
    options.width_px = width;
    options.min_overlap = data.min_overlap;
    options.spread = spread;
    options.tracks = data.tracks;
    scenes.push_back(synthetic::make_sample(options, textures_, random.bits()));
  }
  return scenes;
}

const BatchSource::Scenes& BatchSource::scenes_of(int64_t render_index) {
  // Of older groups nothing comes again.
  const int64_t group_begin = render_index / recipe_.data.group * recipe_.data.group;
  group_.erase(group_.begin(), group_.lower_bound(group_begin));
  const auto found = group_.find(render_index);
  if (found != group_.end()) return found->second;
  return group_.emplace(render_index, render(render_index)).first->second;
}

void BatchSource::run(int64_t step) {
  // Of this thread's work alone, unlike at::set_num_threads(). Beside a GPU the processor has
  // nothing else to do.
  omp_set_num_threads(device_.is_cpu() ? 1 : at::get_num_threads());
  // On a GPU waiting for a picture must not be waiting for the steps that are queued there.
  c10::OptionalStreamGuard own_stream;
  if (!device_.is_cpu()) {
    own_stream.reset_stream(
        c10::impl::VirtualGuardImpl(device_.type()).getStreamFromGlobalPool(device_));
  }
  constexpr size_t kAhead = 2;
  const c10::NoGradGuard no_gradients;
  const int64_t group = recipe_.data.group;
  const int64_t period = group * recipe_.data.reuse;
  try {
    for (;; ++step) {
      // The renders of a group take turns, so that a step does not see those of the last one again.
      const int64_t render_index = step / period * group + step % group;
      const uint64_t seed =
          Random(recipe_.seed, kPhotometric).stream(static_cast<uint64_t>(step)).bits();
      Batch batch = make_batch(scenes_of(render_index), seed);
      if (own_stream.current_stream()) own_stream.current_stream()->synchronize();
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || ready_.size() < kAhead; });
      if (stopping_) return;
      ready_.push_back(std::move(batch));
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

}  // namespace vggt::train
