// SPDX-License-Identifier: Apache-2.0
#include "apps/estimate.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <functional>
#include <iomanip>
#include <map>
#include <sstream>

#include "kernels/quantized_linear/quantized_linear.h"
#include "src/accel/quant_recipe.h"
#include "src/base/device.h"
#include "src/base/error.h"

namespace vggt::apps {
namespace {

// The mean of several runs after a first one, which warms up: many of quick ones.
template <class Call>
double seconds_of(const LoadedModel& loaded, const ProgressCallback& progress, Call call) {
  using Clock = std::chrono::steady_clock;
  constexpr double kEnough = 0.2;
  call();
  int runs = 0;
  double seconds = 0;
  const auto start = Clock::now();
  while (runs == 0 || (seconds < kEnough && runs < 20)) {
    // Each run counts as a step, after which the user may cancel.
    if (progress && !progress({.stage = "estimate", .done = 0, .total = 1})) throw Cancelled();
    call();
    synchronize(loaded.device);
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
    ++runs;
  }
  return seconds / runs;
}

struct Tokens {
  int64_t per_frame;
  int64_t channels;
};

Tokens tokens_of(const ModelConfig& config, int64_t height, int64_t width) {
  return {height / config.patch_size * (width / config.patch_size) + config.special_tokens(),
          config.embed_dim};
}

// One attention over all frames costs a N + b N^2 for N tokens: beyond what is timed, two timings
// tell a and b.
double global_block_seconds(int64_t frames,
                            const std::function<double(int64_t)>& seconds_of_frames) {
  constexpr int64_t kTimed = 4;
  if (frames <= kTimed) return seconds_of_frames(frames);
  const double half = seconds_of_frames(kTimed / 2);
  const double whole = seconds_of_frames(kTimed);
  const double square = std::max(0.0, (whole - 2 * half) / (kTimed * kTimed / 2.0));
  const double linear = std::max(0.0, (whole - square * kTimed * kTimed) / kTimed);
  const auto n = static_cast<double>(frames);
  return linear * n + square * n * n;
}

// LibTorch, OpenCV and the like.
constexpr int64_t kProgram = 250'000'000;

int64_t weight_bytes(const LoadedModel& loaded) {
  int64_t bytes = 0;
  for (const at::Tensor& parameter : loaded.model->parameters()) {
    // A quantised layer's weight is a placeholder without memory of its own.
    if (parameter.is_non_overlapping_and_dense()) bytes += static_cast<int64_t>(parameter.nbytes());
  }
  for (const auto& [name, layer] : accel::block_layers(*loaded.model)) {
    if (layer->quantized) bytes += layer->quantized->bytes();
  }
  return bytes;
}

// Of the CPU's memory that is fixed for transfers LibTorch takes the next power of two.
int64_t pinned(int64_t bytes) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(bytes)));
}

struct Placement {
  int64_t head_frames;
  bool layers_on_host;
};

MemoryPlan estimate_memory(const LoadedModel& loaded,
                           int64_t frames,
                           int64_t height,
                           int64_t width,
                           const Placement& placement) {
  const ModelConfig& config = loaded.model->config;
  const Tokens tokens = tokens_of(config, height, width);
  const int64_t stream_bytes =
      static_cast<int64_t>(c10::elementSize(loaded.model->aggregator->camera_token.scalar_type()));
  const int64_t matrix_bytes = static_cast<int64_t>(c10::elementSize(
      loaded.model->aggregator->frame_blocks.front()->attn->qkv->weight.scalar_type()));
  // Each token holds the residual stream, q, k and v, and what attention makes of them. What lies
  // between exists for a part of the tokens: q, k and v before their norm, or the hidden layer.
  const int64_t block = tokens.channels * (stream_bytes + matrix_bytes * (3 + 1));
  const int64_t part =
      std::min(frames * tokens.per_frame, nn::Aggregator::tokens_at_a_time(loaded.device)) *
      tokens.channels * (stream_bytes * (3 + 2) + matrix_bytes * (1 + 4));
  const auto kept = static_cast<int64_t>(config.kept_layers().size());
  const int64_t all_tokens = frames * tokens.per_frame;
  const int64_t layer = all_tokens * 2 * tokens.channels * matrix_bytes;
  // A dense head works on a few frames at a time at up to half the image's sides.
  const int64_t features = config.depth_head ? config.depth_head->features : 0;
  const int64_t head = placement.head_frames * height * width * (features * 4 + 256);
  // In and out: the image, depth, confidence, world points twice, the cloud.
  const int64_t pixels = frames * height * width * (3 * 4 + 4 + 4 + 3 * 8 + 3 * 4 + 32);
  MemoryPlan plan = {.program = kProgram,
                     .weights = weight_bytes(loaded),
                     .layers = kept * layer,
                     .work = std::max(all_tokens * block + part, head),
                     .results = pixels,
                     .head_frames = placement.head_frames};
  if (!loaded.device.is_cuda()) return plan;
  // The GPU has at most the image, depth, points and their confidence.
  plan.results = frames * height * width * 4 * (3 + 1 + 1 + 3 + 1);
  plan.host = kProgram + pixels;
  if (placement.layers_on_host) {
    // There the layer that is being made, or two chunks of a head's.
    const int64_t chunks = 2 * kept * (layer / frames) * placement.head_frames;
    plan.layers = std::max(layer, chunks);
    plan.host += kept * pinned(layer);
    plan.layers_on_host = true;
  }
  return plan;
}

}  // namespace

std::vector<std::pair<std::string, double>> estimate_network_seconds(
    const LoadedModel& loaded,
    int64_t frames,
    int64_t height,
    int64_t width,
    const ProgressCallback& progress) {
  const c10::InferenceMode inference;
  const Vggt& model = *loaded.model;
  const ModelConfig& config = model.config;
  const Tokens tokens = tokens_of(config, height, width);
  const nn::Aggregator& aggregator = *model.aggregator;
  const auto options =
      at::TensorOptions().dtype(aggregator.camera_token.scalar_type()).device(loaded.device);
  const auto stream = [&](int64_t n) {
    return at::randn({n, tokens.per_frame, tokens.channels}, options);
  };
  const int64_t few = std::min<int64_t>(frames, 2);
  const double share = static_cast<double>(frames) / static_cast<double>(few);

  const int64_t at_a_time = nn::Aggregator::tokens_at_a_time(loaded.device);
  // A block writes over its input, so each run begins with a copy.
  const auto block_seconds =
      [&](const nn::Block& block, const at::Tensor& x, const kernels::RopeTables* rope) {
        return seconds_of(loaded, progress, [&] {
          at::Tensor copy = x.clone();
          block.update(copy, rope, at_a_time);
        });
      };
  const at::Tensor x = stream(few);
  const double encoder_block = block_seconds(*aggregator.patch_embed->blocks.front(), x, nullptr);

  const at::Tensor positions =
      aggregator.positions(height / config.patch_size, width / config.patch_size, loaded.device);
  const kernels::RopeTables rope =
      kernels::rope2d_tables(positions,
                             tokens.channels / config.aggregator.num_heads,
                             config.aggregator.rope_freq,
                             options.dtype().toScalarType());
  const double frame_block = block_seconds(*aggregator.frame_blocks.front(), x, &rope);
  const auto global_seconds = [&](int64_t n) {
    const at::Tensor all = stream(n).view({1, n * tokens.per_frame, tokens.channels});
    const kernels::RopeTables repeated = {rope.cos.repeat({1, n, 1}), rope.sin.repeat({1, n, 1})};
    return block_seconds(*aggregator.global_blocks.front(), all, &repeated);
  };
  const double global_block = global_block_seconds(frames, global_seconds);

  std::vector<std::pair<std::string, double>> stages = {
      {"encoder", encoder_block * share * static_cast<double>(config.patch_embed.depth)},
      {"aggregator",
       (frame_block * share + global_block) * static_cast<double>(config.aggregator.depth)}};
  if (model.camera_head) {
    const at::Tensor camera = at::randn({1, frames, 2 * tokens.channels}, options);
    stages.emplace_back("camera head",
                        seconds_of(loaded, progress, [&] { model.camera_head->forward(camera); }));
  }
  if (model.depth_head) {
    const at::Tensor pair =
        at::randn({1, 1, tokens.per_frame, 2 * tokens.channels}, options)
            .to(aggregator.frame_blocks.front()->attn->qkv->weight.scalar_type());
    std::map<int64_t, at::Tensor> layers;
    for (const int64_t layer : config.kept_layers()) layers[layer] = pair;
    const double one = seconds_of(loaded, progress, [&] {
      StageProgress stage("depth head", 1, {});
      model.depth_head->forward(layers, height, width, 1, stage);
    });
    stages.emplace_back("depth head", one * static_cast<double>(frames));
  }
  return stages;
}

MemoryPlan plan_memory(
    const LoadedModel& loaded, int64_t frames, int64_t height, int64_t width, int64_t available) {
  const auto plan_of = [&](const Placement& placement) {
    return estimate_memory(loaded, frames, height, width, placement);
  };
  if (!loaded.device.is_cuda()) return plan_of({.head_frames = 1, .layers_on_host = false});
  const auto& head = loaded.model->config.depth_head;
  const int64_t most = head ? std::min(frames, head->frames_chunk_size) : 1;
  MemoryPlan plan;
  for (const bool layers_on_host : {false, true}) {
    for (int64_t n = most; n >= 1; n /= 2) {
      plan = plan_of({.head_frames = n, .layers_on_host = layers_on_host});
      if (plan.total() <= available) return plan;
    }
  }
  return plan;
}

std::string gigabytes(int64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << static_cast<double>(bytes) * 1e-9 << " GB";
  return text.str();
}

std::string to_string(const MemoryPlan& plan) {
  const auto part = [](const char* name, int64_t bytes) {
    return std::string(name) + " " + gigabytes(bytes);
  };
  return gigabytes(plan.total()) + ": " + part("program", plan.program) + ", " +
         part("weights", plan.weights) + ", " + part("kept layers", plan.layers) + ", " +
         part("work", plan.work) + ", " + part("results", plan.results) +
         (plan.host > 0 ? "; " + part("host's memory", plan.host) : "") +
         (plan.layers_on_host ? " with the kept layers" : "") +
         (plan.head_frames > 1
              ? "; heads take " + std::to_string(plan.head_frames) + " frames at a time"
              : "");
}

int64_t estimate_decoding_memory(const LoadedModel& loaded, const std::vector<PixelMap>& maps) {
  int64_t largest = 0;
  for (const PixelMap& map : maps) {
    largest = std::max(largest, map.stored_width_px * map.stored_height_px);
  }
  // A pixel as OpenCV decodes it and as it is resized.
  constexpr int64_t kBytesPerPixel = 6;
  const auto threads = std::min<int64_t>(at::get_num_threads(), static_cast<int64_t>(maps.size()));
  return kProgram + weight_bytes(loaded) + threads * largest * kBytesPerPixel;
}

int64_t estimate_disk(int64_t frames, int64_t height, int64_t width, const DiskOptions& options) {
  // A pixel: depth and confidence as float (8) and in pictures (4), a point in the PLY (19, with a
  // normal 31) and in the GLB (16), and of the predictions picture (3), depth and confidence.
  const int64_t pixel =
      8 + 4 + (options.normals ? 31 : 19) + 16 + (options.predictions ? 3 + 8 : 0);
  // The preview, the page and the sparse model, whose lines of text are longer.
  const int64_t fixed = 30'000'000 + (options.text ? 20'000'000 : 0);
  return frames * height * width * pixel + fixed;
}

}  // namespace vggt::apps
