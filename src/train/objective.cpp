// SPDX-License-Identifier: Apache-2.0
#include "src/train/objective.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string_view>

#include "src/base/trace.h"
#include "src/synthetic/random.h"
#include "src/train/initial_weights.h"
#include "src/train/loss.h"

namespace vggt::train {
namespace {

constexpr uint64_t kAidSeed = 1;

// Adds up weighted terms and notes each for the log.
class Sum {
 public:
  explicit Sum(const at::TensorOptions& options) { losses_.total = at::zeros({}, options); }

  void add(const char* name, double weight, const at::Tensor& term) {
    losses_.total = losses_.total + weight * term;
    note(name, term.item<double>());
  }
  void note(const char* name, double value) { losses_.parts.emplace_back(name, value); }
  StepLosses done() { return std::move(losses_); }

 private:
  StepLosses losses_;
};

// Collects what the aids look at while the network runs.
class Watch {
 public:
  Watch(int64_t blocks, int64_t scenes, int64_t frames, int64_t special_tokens)
      : blocks_(blocks),
        scenes_(scenes),
        frames_(frames),
        special_tokens_(special_tokens),
        listener_([this](const std::string& name, const at::Tensor& value) { hear(name, value); },
                  TraceDepth::kAll) {}

  Inside inside() {
    inside_.encoded = at::cat(encoded_).unflatten(0, {scenes_, frames_});
    return std::move(inside_);
  }

 private:
  void hear(const std::string& name, const at::Tensor& value) {
    constexpr std::string_view kPair = "agg.output_";
    if (name == "dino.patch_tokens") encoded_.push_back(value);
    if (name.starts_with(kPair)) {
      inside_.layers[std::stoll(name.substr(kPair.size()))] = value.slice(2, special_tokens_);
    }
    for (int64_t i = 0; i < blocks_; ++i) {
      const std::string block = "agg.global_" + std::to_string(i);
      if (name == block + ".q_roped") inside_.queries.push_back(patches(value));
      if (name == block + ".k_roped") inside_.keys.push_back(patches(value));
    }
  }

  // [B, A, S P, D] -> [B, A, S, n, D].
  at::Tensor patches(const at::Tensor& x) const {
    return x.unflatten(2, {frames_, x.size(2) / frames_}).slice(3, special_tokens_);
  }

  int64_t blocks_;
  int64_t scenes_;
  int64_t frames_;
  int64_t special_tokens_;
  std::vector<at::Tensor> encoded_;  // a chunk of frames each
  Inside inside_;
  TraceListener listener_;
};

}  // namespace

VggtObjective::VggtObjective(std::shared_ptr<Vggt> model, const Recipe& recipe)
    : model_(std::move(model)), recipe_(recipe) {
  aids_ = std::make_shared<Aids>(model_->config.embed_dim, model_->config.kept_layers());
  initialise(*aids_, recipe.seed + kAidSeed);
  aids_->to(model_->aggregator->camera_token.device());
}

std::vector<std::pair<std::string, at::Tensor>> VggtObjective::parameters() const {
  std::vector<std::pair<std::string, at::Tensor>> all;
  for (const auto& parameter : model_->named_parameters()) {
    all.emplace_back("model." + parameter.key(), parameter.value());
  }
  for (const auto& parameter : aids_->named_parameters()) {
    all.emplace_back("aids." + parameter.key(), parameter.value());
  }
  return all;
}

StepLosses VggtObjective::encoder_losses(const Batch& batch, uint64_t seed) const {
  const at::Tensor encoded = model_->aggregator->encode(batch.images.flatten(0, 1), {}, nullptr)
                                 .unflatten(0, {batch.images.size(0), batch.frames()});
  const AidLosses aids = aids_->descriptors(
      encoded, patch_targets(batch, model_->config.patch_size), recipe_.loss.queries, seed);
  Sum sum(batch.depth.options());
  sum.add("descriptor", 1, aids.descriptor);
  sum.note("descriptor_accuracy", aids.descriptor_accuracy);
  return sum.done();
}

StepLosses VggtObjective::losses(const Batch& batch, int64_t step) {
  const LossRecipe& weights = recipe_.loss;
  const uint64_t seed =
      synthetic::Random(recipe_.seed, 2).stream(static_cast<uint64_t>(step)).bits();
  if (step < recipe_.encoder_steps) return encoder_losses(batch, seed);

  const int64_t scenes = batch.images.size(0);
  const int64_t fading = step - recipe_.encoder_steps - weights.aids_from;
  const double aid = std::clamp(
      1 - static_cast<double>(fading) / static_cast<double>(weights.fade_steps), 0.0, 1.0);
  Watch watch(weights.attention_blocks, scenes, batch.frames(), model_->config.special_tokens());
  const bool tracks = model_->track_head && batch.tracks.defined();
  ForwardOptions options = {.head_frames = scenes * batch.frames()};
  if (tracks) options.query_points = batch.tracks.select(1, 0);
  const Predictions predictions = model_->forward(batch.images, options);

  Sum sum(batch.depth.options());
  const at::Tensor valid = batch.depth > 0;
  if (model_->camera_head) {
    sum.add("camera",
            weights.camera,
            camera_loss(predictions.pose_encodings, batch.pose, weights.camera_parts));
  }
  if (model_->depth_head) {
    const DenseLoss loss = dense_loss(predictions.depth,
                                      predictions.depth_confidence,
                                      batch.depth.unsqueeze(4),
                                      batch.depth,
                                      valid,
                                      weights.confidence_reward);
    sum.add("depth", weights.depth, loss.value);
    sum.add("depth_gradient", weights.depth_gradient, loss.gradient);
  }
  if (model_->point_head) {
    const DenseLoss loss = dense_loss(predictions.world_points,
                                      predictions.world_points_confidence,
                                      world_points(batch),
                                      batch.depth,
                                      valid,
                                      weights.confidence_reward);
    sum.add("point", weights.point, loss.value);
    sum.add("point_gradient", weights.point * weights.depth_gradient, loss.gradient);
  }
  if (tracks) {
    sum.add(
        "track",
        weights.track,
        track_loss(
            predictions.tracks.coords, predictions.tracks.visibility, batch.tracks, batch.visible));
  }
  if (aid > 0) {
    const AidLosses aids = aids_->forward(watch.inside(),
                                          patch_targets(batch, model_->config.patch_size),
                                          batch.images.size(3) / model_->config.patch_size,
                                          batch.images.size(4) / model_->config.patch_size,
                                          weights.queries,
                                          seed);
    sum.add("descriptor", aid * weights.descriptor, aids.descriptor);
    sum.add("attention", aid * weights.attention, aids.attention);
    sum.add("own_place", aid * weights.own_place, aids.own_place);
    sum.add("place", aid * weights.place, aids.place);
    sum.add("coarse_point", aid * weights.coarse_point, aids.point);
    sum.note("descriptor_accuracy", aids.descriptor_accuracy);
    sum.note("attention_accuracy", aids.attention_accuracy);
  }
  return sum.done();
}

}  // namespace vggt::train
