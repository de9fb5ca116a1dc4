// SPDX-License-Identifier: Apache-2.0
#include "src/nn/span_pass.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "src/accel/methods.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/base/trace.h"

namespace vggt::nn {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start, at::Device device) {
  synchronize(device);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

accel::TokenLayout layout_of(const ModelConfig& config,
                             const at::Tensor& images,
                             at::Device device,
                             const std::string& method) {
  const int64_t h = images.size(2) / config.patch_size;
  const int64_t w = images.size(3) / config.patch_size;
  const int64_t most = std::numeric_limits<int32_t>::max() / (config.special_tokens() + h * w);
  if (images.size(0) > most) {
    throw ConfigError("accel",
                      method + " numbers tokens in 32 bits: at most " + std::to_string(most) +
                          " frames of this size, got " + std::to_string(images.size(0)));
  }
  return accel::regular_layout(images.size(0), h, w, config.special_tokens(), device);
}

// One scene in one pass.
class SpanPass {
 public:
  SpanPass(const Aggregator& aggregator,
           const at::Tensor& images,
           const accel::MergeOptions& merge,
           accel::MergeReport* report)
      : aggregator_(aggregator),
        encoder_(*aggregator.patch_embed),
        images_(images),
        report_(report),
        layout_(layout_of(aggregator.config, images, aggregator.device(), merge.method)) {
    const ModelConfig& config = aggregator.config;
    const accel::SceneMaps no_maps;
    policy_ = accel::method_named(merge.method)
                  .make_span(
                      merge,
                      {.layout = layout_,
                       .maps = no_maps,
                       .layers = config.aggregator.depth,
                       .heads = config.aggregator.num_heads,
                       .encoder_blocks = config.patch_embed.depth,
                       .channels = config.embed_dim,
                       .products = aggregator.frame_blocks.front()->attn->qkv->weight.scalar_type(),
                       .wide = aggregator.camera_token.scalar_type()});
  }

  // The encoder. Without slots in force it gives the tokens of all patches, [S, h w, C].
  at::Tensor encode(StageProgress& stage) {
    const TraceScope scope("dino");
    const int64_t depth = aggregator_.config.patch_embed.depth;
    std::vector<at::Tensor> chunks = until_tap(stage);
    plan_ = build(chunks);
    if (plan_.is_identity()) {
      for (at::Tensor& chunk : chunks) {
        encoder_.run(chunk, policy_->tap() + 1, depth, &stage);
        chunk = encoder_.norm->forward(chunk.slice(1, layout_.special));
      }
      stage.advance(layout_.frames);
      return chunks.size() == 1 ? chunks.front() : at::cat(chunks);
    }
    at::Tensor x = at::cat(chunks).flatten(0, 1);
    chunks.clear();
    set_groups();
    x = (merges_stream() ? accel::merge(plan_.q, x) : x).unsqueeze(0);
    for (int64_t i = policy_->tap() + 1; i < depth; ++i) {
      {
        const TraceMute inside(true);
        update(*encoder_.blocks[static_cast<size_t>(i)], x, nullptr, within_frames_);
      }
      stage.poll();
    }
    // Special rows pass the norm, too, and are written over.
    stream_ = encoder_.norm->forward(x).to(aggregator_.camera_token.scalar_type());
    synchronize(aggregator_.device());
    stage.advance(layout_.frames);
    return {};
  }

  AggregatedTokens aggregate(StageProgress& stage, HostCopies* to_host) {
    const TraceScope scope("agg");
    const ModelConfig& config = aggregator_.config;
    at::Tensor x = stream_;
    write_special_tokens(x);
    const at::Tensor positions = plan_.position.unsqueeze(0);
    const kernels::RopeTables rope =
        kernels::rope2d_tables(positions,
                               config.embed_dim / config.aggregator.num_heads,
                               config.aggregator.rope_freq,
                               x.scalar_type());
    const std::vector<int64_t> kept = config.kept_layers();
    const at::ScalarType kept_dtype =
        aggregator_.frame_blocks.front()->attn->qkv->weight.scalar_type();
    const auto depth = static_cast<int64_t>(aggregator_.frame_blocks.size());
    AggregatedTokens result;
    for (int64_t i = 0; i < depth; ++i) {
      const auto layer = static_cast<size_t>(i);
      {
        const TraceScope block("frame_", i);
        update(*aggregator_.frame_blocks[layer], x, &rope, within_frames_);
      }
      trace("frame_" + std::to_string(i) + ".out", x);
      stage.advance();
      const bool is_kept = std::binary_search(kept.begin(), kept.end(), i);
      at::Tensor pair;
      if (is_kept) {
        pair = at::empty({1, layout_.frames, layout_.tokens(), 2 * config.embed_dim},
                         x.options().dtype(kept_dtype));
        pair.slice(3, 0, config.embed_dim).copy_(all_rows(x));
      }
      const at::Tensor frame_camera = cameras(x);
      accel::MergeRecord record = {.layer = i,
                                   .built_at = 0,
                                   .rows = layout_.rows,
                                   .q_slots = plan_.q.slots,
                                   .kv_slots = plan_.kv.slots,
                                   .plan_s = i == 0 ? plan_s_ : 0};
      auto start = std::chrono::steady_clock::now();
      {
        const TraceScope block("global_", i);
        update(*aggregator_.global_blocks[layer], x, &rope, over_all_);
      }
      trace("global_" + std::to_string(i) + ".out", x);
      synchronize(aggregator_.device());
      if (report_) record.attention_s = seconds_since(start, aggregator_.device());
      stage.advance();
      start = std::chrono::steady_clock::now();
      if (is_kept) {
        pair.slice(3, config.embed_dim).copy_(all_rows(x));
        trace("output_", i, pair);
        result.layers[i] = to_host ? to_host->download(pair) : pair;
      }
      if (i + 1 == depth) result.camera = at::cat({frame_camera, cameras(x)}, 2);
      if (report_) {
        record.restore_s = seconds_since(start, aggregator_.device());
        report_->layers.push_back(record);
      }
    }
    if (to_host) to_host->finish();
    return result;
  }

 private:
  bool merges_stream() const { return policy_->merges_stream(); }

  // The stream behind the tap, [n, P, C] of some frames each: as many as the dense path takes at a
  // time, so that it gives the same bits.
  std::vector<at::Tensor> until_tap(StageProgress& stage) const {
    const int64_t step = std::max<int64_t>(
        1, Aggregator::tokens_at_a_time(aggregator_.device()) / layout_.patches());
    std::optional<HostCopies> copies;
    if (images_.device() != aggregator_.device()) copies.emplace(aggregator_.device());
    ChunkFeed feed({images_}, step, copies ? &*copies : nullptr);
    std::vector<at::Tensor> chunks;
    for (auto taken = feed.next(); !taken.empty(); taken = feed.next()) {
      at::Tensor x = encoder_.embed(aggregator_.normalized(taken.front()));
      encoder_.run(x, 0, policy_->tap() + 1, &stage);
      feed.prefetch();
      chunks.push_back(x);
    }
    return chunks;
  }

  accel::MergePlan build(const std::vector<at::Tensor>& chunks) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<at::Tensor> patches;
    for (const at::Tensor& chunk : chunks) {
      const at::Tensor part = chunk.slice(1, layout_.special);
      patches.push_back(policy_->reads_normed() ? encoder_.norm->forward(part) : part);
    }
    accel::SpanPlan made = policy_->build({at::cat(patches), aggregator_.normalized(images_)});
    made.plan.policy = policy_->name();
    made.plan.built_at = 0;
    if (report_) {
      plan_s_ = seconds_since(start, aggregator_.device());
      report_->merged_patches.push_back(
          made.merged_patches.view({layout_.frames, layout_.grid_h, layout_.grid_w}));
    }
    return made.plan;
  }

  // Which slots see each other.
  void set_groups() {
    if (plan_.key_bias.defined()) over_all_.key_bias = plan_.key_bias.view({1, 1, -1});
    within_frames_ = over_all_;
    within_frames_.q_offsets = within_frames_.k_offsets = plan_.frame_offsets;
  }

  void update(const Block& block,
              at::Tensor& x,
              const kernels::RopeTables* rope,
              const kernels::AttentionOptions& among) const {
    if (merges_stream()) {
      block.update(x, rope, Aggregator::tokens_at_a_time(x.device()), nullptr, among);
    } else {
      block.update_by_slots(x, plan_.q, rope, among);
    }
  }

  // Rows of x that are the first of each frame, int64 [S].
  at::Tensor frame_starts() const {
    if (merges_stream()) return plan_.frame_offsets.slice(0, 0, layout_.frames).to(at::kLong);
    return at::arange(layout_.frames, layout_.position.options()) * layout_.tokens();
  }

  // The first frame's camera and registers differ from the others'.
  void write_special_tokens(at::Tensor& x) const {
    const at::Tensor tokens =
        at::cat({aggregator_.camera_token, aggregator_.register_token}, 2)[0];  // [2, special, C]
    const at::Tensor starts = frame_starts();
    const at::Tensor which =
        at::ones_like(starts).index_fill_(0, at::zeros({1}, starts.options()), 0);
    const at::Tensor rows =
        (starts.unsqueeze(1) + at::arange(layout_.special, starts.options())).flatten();
    x[0].index_copy_(0, rows, tokens.index_select(0, which).flatten(0, 1).to(x.scalar_type()));
  }

  // [1, S, P, C]
  at::Tensor all_rows(const at::Tensor& x) const {
    const at::Tensor rows = merges_stream() ? accel::unmerge(plan_.q, x[0]) : x[0];
    return rows.view({1, layout_.frames, layout_.tokens(), x.size(2)});
  }

  // [1, S, C]
  at::Tensor cameras(const at::Tensor& x) const { return x.index_select(1, frame_starts()); }

  const Aggregator& aggregator_;
  const VisionTransformer& encoder_;
  at::Tensor images_;  // [S, 3, H, W]
  accel::MergeReport* report_;
  accel::TokenLayout layout_;
  std::unique_ptr<accel::SpanPolicy> policy_;
  accel::MergePlan plan_;
  double plan_s_ = 0;
  kernels::AttentionOptions within_frames_, over_all_;
  at::Tensor stream_;  // behind the encoder: slots [1, T, C] or rows [1, R, C]
};

}  // namespace

AggregatedTokens forward_in_slots(const Aggregator& aggregator,
                                  const at::Tensor& images,
                                  const ProgressCallback& progress,
                                  StageProgress::Seconds* seconds,
                                  const accel::MergeOptions& merge,
                                  accel::MergeReport* report,
                                  HostCopies* to_host) {
  const int64_t scenes = images.size(0);
  std::vector<SpanPass> passes;
  std::vector<at::Tensor> dense;
  {
    StageProgress stage("encoder", scenes * images.size(1), progress, seconds);
    for (int64_t b = 0; b < scenes; ++b) {
      passes.emplace_back(aggregator, images[b], merge, report);
      dense.push_back(passes.back().encode(stage));
    }
  }
  // Layers of several scenes are joined first.
  HostCopies* const at_once = scenes == 1 ? to_host : nullptr;
  std::vector<AggregatedTokens> parts;
  for (int64_t b = 0; b < scenes; ++b) {
    if (dense[b].defined()) {
      parts.push_back(aggregator.aggregate(
          images.slice(0, b, b + 1), std::move(dense[b]), progress, seconds, {}, nullptr, at_once));
    } else {
      StageProgress stage("aggregator", 2 * aggregator.config.aggregator.depth, progress, seconds);
      parts.push_back(passes[b].aggregate(stage, at_once));
    }
  }
  if (scenes == 1) return parts.front();
  AggregatedTokens all;
  const auto joined = [&](const auto& of) {
    std::vector<at::Tensor> tensors;
    for (const AggregatedTokens& part : parts) tensors.push_back(of(part));
    return at::cat(tensors);
  };
  for (const auto& [layer, tokens] : parts.front().layers) {
    const at::Tensor pairs = joined([i = layer](const auto& part) { return part.layers.at(i); });
    all.layers[layer] = to_host ? to_host->download(pairs) : pairs;
  }
  if (to_host) to_host->finish();
  all.camera = joined([](const auto& part) { return part.camera; });
  return all;
}

}  // namespace vggt::nn
