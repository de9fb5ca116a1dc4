// SPDX-License-Identifier: Apache-2.0
#include "src/train/come_objective.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "src/base/error.h"
#include "src/synthetic/random.h"
#include "src/train/initial_weights.h"

namespace vggt::train {
namespace {

const std::string kPrefix = "predictor.";

// Numbers of patches, [n] int64: drawn anew in each step, the same for all scenes of a batch.
at::Tensor drawn(synthetic::Random random, int64_t count, int64_t patches, at::Device device) {
  at::Tensor index = at::empty({count}, at::kLong);
  auto* to = index.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) to[i] = random.index(patches);
  return index.to(device);
}

}  // namespace

ComeObjective::ComeObjective(std::shared_ptr<const Vggt> teacher, const Recipe& recipe)
    : teacher_(std::move(teacher)), recipe_(recipe) {
  const ModelConfig& config = teacher_->config;
  if (!config.depth_head) {
    throw ConfigError("distil", "come learns from a depth head, which this model has not");
  }
  const int64_t depth = config.patch_embed.depth;
  student_.tap = recipe.come.tap < 0 ? accel::come_tap(depth) : recipe.come.tap;
  if (student_.tap >= depth) {
    throw ConfigError("come.tap",
                      std::to_string(student_.tap) + " is no block of an encoder of " +
                          std::to_string(depth) + ", counted from 0");
  }
  student_.predictor = std::make_shared<accel::ComePredictor>(config.embed_dim, recipe.come.width);
  initialise(*student_.predictor, recipe.seed);
  student_.predictor->to(teacher_->aggregator->camera_token.device());
}

std::vector<std::pair<std::string, at::Tensor>> ComeObjective::parameters() const {
  std::vector<std::pair<std::string, at::Tensor>> all;
  for (const auto& parameter : student_.predictor->named_parameters()) {
    all.emplace_back(kPrefix + parameter.key(), parameter.value());
  }
  return all;
}

StepLosses ComeObjective::losses(const Batch& batch, int64_t step) {
  const int64_t scenes = batch.images.size(0);
  const int64_t frames = batch.frames();
  const int64_t height = batch.images.size(3);
  const int64_t width = batch.images.size(4);
  const int64_t side = teacher_->config.patch_size;
  at::Tensor tokens;
  at::Tensor confidence;
  {
    const c10::NoGradGuard no_gradients;
    const nn::Aggregator& aggregator = *teacher_->aggregator;
    const nn::VisionTransformer& encoder = *aggregator.patch_embed;
    const int64_t special = teacher_->config.special_tokens();
    const int64_t depth = teacher_->config.patch_embed.depth;
    at::Tensor x = encoder.embed(aggregator.normalized(batch.images.flatten(0, 1)));
    encoder.run(x, 0, student_.tap + 1);
    // A copy: the blocks write over x.
    tokens = x.slice(1, special).clone().unflatten(0, {scenes, frames});
    encoder.run(x, student_.tap + 1, depth);
    const nn::AggregatedTokens seen =
        aggregator.aggregate(batch.images, encoder.norm->forward(x.slice(1, special)), {}, nullptr);
    StageProgress silent("depth head", scenes * frames, {});
    const at::Tensor map =
        teacher_->depth_head->forward(seen.layers, height, width, frames, silent).confidence;
    confidence = at::avg_pool2d(map.to(at::kFloat), {side, side}).flatten(1);  // [B, S h w]
  }
  const at::Tensor guess =
      student_.predictor->forward(tokens, height / side, width / side).flatten(1);
  const int64_t patches = guess.size(1);
  const int64_t pairs = std::min(recipe_.come.pairs, patches);
  const synthetic::Random random =
      synthetic::Random(recipe_.seed).stream(static_cast<uint64_t>(step));
  const at::Tensor i = drawn(random.stream(0), pairs, patches, guess.device());
  const at::Tensor j = drawn(random.stream(1), pairs, patches, guess.device());
  const auto difference = [&](const at::Tensor& of) {
    return of.index_select(1, i) - of.index_select(1, j);
  };
  const at::Tensor order = difference(confidence).sign();  // 0: no order to learn
  const at::Tensor rises = difference(guess) * order;
  const at::Tensor ordered = order.abs();
  const at::Tensor count = ordered.sum().clamp_min(1);
  StepLosses result;
  result.total = (at::softplus(-rises) * ordered).sum() / count;
  result.parts.emplace_back("ranking", result.total.item<double>());
  result.parts.emplace_back("pairs right",
                            (((rises > 0) & (ordered > 0)).sum() / count).item<double>());
  return result;
}

accel::ComePredictorFile ComeObjective::averaged(const Checkpoint& checkpoint) const {
  accel::ComePredictorFile file = student_;
  file.predictor = std::make_shared<accel::ComePredictor>(student_.predictor->channels(),
                                                          student_.predictor->width());
  file.predictor->above_one = student_.predictor->above_one;
  for (auto& parameter : file.predictor->named_parameters()) {
    parameter.value().set_data(checkpoint.tensors.at("average/" + kPrefix + parameter.key()));
  }
  return file;
}

}  // namespace vggt::train
