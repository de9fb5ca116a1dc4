// SPDX-License-Identifier: Apache-2.0
#include "src/nn/aggregator.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <optional>

#include "src/accel/automatic.h"
#include "src/accel/merger.h"
#include "src/accel/methods.h"
#include "src/base/device.h"
#include "src/base/pace.h"
#include "src/base/trace.h"
#include "src/nn/span_pass.h"

namespace vggt::nn {
namespace {

// Entry 0 for the first frame of every scene, entry 1 for the others: [1, 2, T, C] -> [B, S, T, C].
at::Tensor per_frame(const at::Tensor& token, int64_t scenes, int64_t frames) {
  return at::cat({token.slice(1, 0, 1), token.slice(1, 1, 2).expand({-1, frames - 1, -1, -1})}, 1)
      .expand({scenes, -1, -1, -1});
}

// One value per colour, [3, 1, 1]; made on the device, which is not waited for.
at::Tensor per_colour(std::array<double, 3> values, const at::TensorOptions& options) {
  std::vector<at::Tensor> parts;
  for (const double value : values) parts.push_back(at::full({1, 1, 1}, value, options));
  return at::cat(parts);
}

}  // namespace

Aggregator::Aggregator(const ModelConfig& config) : config(config) {
  const int64_t channels = config.embed_dim;
  camera_token = register_parameter("camera_token", placeholder({1, 2, 1, channels}), false);
  register_token = register_parameter(
      "register_token", placeholder({1, 2, config.num_register_tokens, channels}), false);
  patch_embed = register_module("patch_embed", std::make_shared<VisionTransformer>(config));
  const auto make_block = [&](int64_t) {
    return std::make_shared<Block>(BlockOptions{.channels = channels,
                                                .heads = config.aggregator.num_heads,
                                                .mlp_ratio = config.aggregator.mlp_ratio,
                                                .qk_norm = true,
                                                .eps = config.aggregator.layer_norm_eps});
  };
  frame_blocks = register_list(*this, "frame_blocks", config.aggregator.depth, make_block);
  global_blocks = register_list(*this, "global_blocks", config.aggregator.depth, make_block);
}

int64_t Aggregator::tokens_at_a_time(at::Device device) { return device.is_cuda() ? 32768 : 4096; }

at::Tensor Aggregator::positions(int64_t rows, int64_t columns, at::Device device) const {
  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  const at::Tensor row = at::arange(1, rows + 1, options).unsqueeze(1).expand({rows, columns});
  const at::Tensor column =
      at::arange(1, columns + 1, options).unsqueeze(0).expand({rows, columns});
  const at::Tensor patches = at::stack({row, column}, 2).flatten(0, 1);
  return at::cat({at::zeros({config.special_tokens(), 2}, options), patches}).unsqueeze(0);
}

at::Tensor Aggregator::residual_stream(const at::Tensor& patches,
                                       int64_t scenes,
                                       int64_t frames) const {
  return at::cat({per_frame(camera_token, scenes, frames).flatten(0, 1),
                  per_frame(register_token, scenes, frames).flatten(0, 1),
                  patches},
                 1);
}

at::Tensor Aggregator::normalized(const at::Tensor& images) const {
  // ImageNet's statistics, as float32 constants in every precision.
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device());
  const at::Tensor mean = per_colour({0.485, 0.456, 0.406}, options);
  const at::Tensor std = per_colour({0.229, 0.224, 0.225}, options);
  const at::ScalarType dtype = camera_token.scalar_type();
  return (images.to(device()).to(dtype) - mean.to(dtype)) / std.to(dtype);
}

at::Tensor Aggregator::encode(const at::Tensor& images,
                              const ProgressCallback& progress,
                              StageProgress::Seconds* seconds) const {
  StageProgress stage("encoder", images.size(0), progress, seconds);
  const int64_t patches = images.size(2) / config.patch_size * (images.size(3) / config.patch_size);
  const int64_t step = std::max<int64_t>(1, tokens_at_a_time(device()) / patches);
  std::optional<HostCopies> copies;
  if (images.device() != device()) copies.emplace(device());
  ChunkFeed feed({images}, step, copies ? &*copies : nullptr);
  Pace pace(device());
  std::vector<at::Tensor> parts;
  for (auto taken = feed.next(); !taken.empty(); taken = feed.next()) {
    const at::Tensor chunk = normalized(taken.front());
    trace("agg.images_normalized", chunk);
    const TraceScope scope("dino");
    parts.push_back(patch_embed->forward(chunk, &stage));
    feed.prefetch();
    pace.step();
    stage.advance(chunk.size(0));
  }
  synchronize(device());
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

AggregatedTokens Aggregator::forward(const at::Tensor& images,
                                     const ProgressCallback& progress,
                                     StageProgress::Seconds* seconds,
                                     const accel::MergeOptions& asked,
                                     accel::MergeReport* merge_report,
                                     HostCopies* to_host) const {
  accel::check(asked);
  const int64_t patches_of_frame =
      images.size(3) / config.patch_size * (images.size(4) / config.patch_size);
  const accel::MergeOptions merge =
      accel::resolved(asked,
                      {.frames = images.size(1),
                       .tokens = images.size(1) * (config.special_tokens() + patches_of_frame),
                       .channels = config.embed_dim,
                       .device = device().is_cuda() ? "cuda" : "cpu"},
                      merge_report);
  if (accel::is_span(merge)) {
    return forward_in_slots(*this, images, progress, seconds, merge, merge_report, to_host);
  }
  at::Tensor patches = encode(images.flatten(0, 1), progress, seconds);
  return aggregate(images, std::move(patches), progress, seconds, merge, merge_report, to_host);
}

AggregatedTokens Aggregator::aggregate(const at::Tensor& images,
                                       at::Tensor patches,
                                       const ProgressCallback& progress,
                                       StageProgress::Seconds* seconds,
                                       const accel::MergeOptions& merge,
                                       accel::MergeReport* merge_report,
                                       HostCopies* to_host) const {
  const int64_t scenes = images.size(0);
  const int64_t frames = images.size(1);
  const int64_t rows = images.size(3) / config.patch_size;
  const int64_t columns = images.size(4) / config.patch_size;
  const int64_t channels = config.embed_dim;

  const auto depth = static_cast<int64_t>(frame_blocks.size());
  StageProgress stage("aggregator", 2 * depth, progress, seconds);
  std::vector<accel::Merger> mergers = accel::make_mergers(
      merge,
      {.frames = frames,
       .grid_h = rows,
       .grid_w = columns,
       .special = config.special_tokens(),
       .layers = static_cast<int64_t>(global_blocks.size()),
       .heads = config.aggregator.num_heads},
      [&] { return normalized(images.flatten(0, 1)); },
      patches,
      merge_report);
  at::Tensor x = residual_stream(patches, scenes, frames);
  patches.reset();
  const int64_t tokens = x.size(1);

  const TraceScope scope("agg");
  const at::Tensor frame_positions = positions(rows, columns, device());
  trace("positions", frame_positions.expand({scenes * frames, -1, -1}));
  const int64_t head_dim = channels / config.aggregator.num_heads;
  const kernels::RopeTables frame_rope = kernels::rope2d_tables(
      frame_positions, head_dim, config.aggregator.rope_freq, x.scalar_type());
  const kernels::RopeTables global_rope = {frame_rope.cos.repeat({1, frames, 1}),
                                           frame_rope.sin.repeat({1, frames, 1})};
  const std::vector<int64_t> kept = config.kept_layers();
  const at::ScalarType kept_dtype = frame_blocks.front()->attn->qkv->weight.scalar_type();

  AggregatedTokens result;
  const int64_t at_a_time = tokens_at_a_time(device());
  Pace pace(device());
  for (int64_t i = 0; i < depth; ++i) {
    const bool is_kept = std::binary_search(kept.begin(), kept.end(), i);
    {
      const TraceScope block("frame_", i);
      const TraceMute inside(i > 0);
      frame_blocks[i]->update(x, &frame_rope, at_a_time);
    }
    trace("frame_" + std::to_string(i) + ".out", x);
    stage.advance();
    at::Tensor pair;
    if (is_kept) {
      pair = at::empty({scenes, frames, tokens, 2 * channels}, x.options().dtype(kept_dtype));
      pair.slice(3, 0, channels).copy_(x.view({scenes, frames, tokens, channels}));
    }
    // A copy: the blocks write over x.
    const at::Tensor frame_camera = x.select(1, 0).clone().view({scenes, frames, channels});

    x = x.view({scenes, frames * tokens, channels});
    {
      const TraceScope block("global_", i);
      const TraceMute inside(i > 0);
      const MergeSite site = {&mergers, i};
      global_blocks[i]->update(x, &global_rope, at_a_time, &site);
    }
    trace("global_" + std::to_string(i) + ".out", x);
    pace.step();
    stage.advance();
    x = x.view({scenes * frames, tokens, channels});
    if (is_kept) {
      pair.slice(3, channels).copy_(x.view({scenes, frames, tokens, channels}));
      trace("output_", i, pair);
      result.layers[i] = to_host ? to_host->download(pair) : pair;
    }
    if (i + 1 == depth) {
      result.camera = at::cat({frame_camera, x.select(1, 0).view({scenes, frames, channels})}, 2);
    }
  }
  if (to_host) to_host->finish();
  synchronize(device());
  return result;
}

}  // namespace vggt::nn
