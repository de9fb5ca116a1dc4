// SPDX-License-Identifier: Apache-2.0
#include "src/train/aids.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "src/synthetic/random.h"
#include "src/train/masked_mean.h"

namespace vggt::train {
namespace {

constexpr int64_t kDescriptor = 64;

// `count` of 0..n-1, or all.
at::Tensor draw_patches(int64_t n, int64_t count, uint64_t seed, at::Device device) {
  std::vector<int64_t> index(static_cast<size_t>(n));
  std::iota(index.begin(), index.end(), 0);
  synthetic::Random random(seed);
  const int64_t taken = std::min(n, count);
  for (int64_t i = 0; i < taken; ++i) {
    std::swap(index[static_cast<size_t>(i)], index[static_cast<size_t>(random.integer(i, n - 1))]);
  }
  index.resize(static_cast<size_t>(taken));
  return at::tensor(index, at::kLong).to(device);
}

// Targets of other frames only; -1 elsewhere. [B, S, S, q].
at::Tensor across_frames(const at::Tensor& match, const at::Tensor& picked) {
  const int64_t frames = match.size(1);
  const at::Tensor same =
      at::eye(frames, match.options().dtype(at::kBool)).view({1, frames, frames, 1});
  return match.index_select(3, picked).masked_fill(same, -1);
}

struct Match {
  at::Tensor loss;
  double accuracy;
};

// Cross-entropy of each query's answer among a frame's patches.
// scores [..., q, n], target [..., q]
Match match_loss(const at::Tensor& scores, const at::Tensor& target) {
  const at::Tensor valid = target >= 0;
  const at::Tensor right = target.clamp_min(0).unsqueeze(-1);
  const at::Tensor wide = scores.to(at::kFloat);
  const at::Tensor loss = -at::log_softmax(wide, -1).gather(-1, right).squeeze(-1);
  const at::Tensor hit = (wide.detach().argmax(-1) == target).to(at::kFloat);
  return {masked_mean(loss, valid), masked_mean(hit, valid).item<double>()};
}

// Patch centres, (x, y), the picture's edges at -1 and 1: [n, 2].
at::Tensor own_places(int64_t rows, int64_t columns, const at::TensorOptions& options) {
  const at::Tensor y = (at::arange(rows, options) + 0.5) / rows * 2 - 1;
  const at::Tensor x = (at::arange(columns, options) + 0.5) / columns * 2 - 1;
  return at::stack({x.view({1, columns}).expand({rows, columns}),
                    y.view({rows, 1}).expand({rows, columns})},
                   2)
      .reshape({-1, 2});
}

}  // namespace

Aids::Aids(int64_t channels, std::vector<int64_t> layers) : layers_(std::move(layers)) {
  descriptor_ = register_module("descriptor", std::make_shared<nn::Linear>(channels, kDescriptor));
  own_place_ = register_module("own_place", std::make_shared<nn::Linear>(channels, 2));
  for (const int64_t layer : layers_) {
    const std::string name = std::to_string(layer);
    place_.push_back(
        register_module("place_" + name, std::make_shared<nn::Linear>(2 * channels, 2)));
    point_.push_back(
        register_module("point_" + name, std::make_shared<nn::Linear>(2 * channels, 3)));
  }
  sharpness_ = register_parameter("sharpness", nn::placeholder({1}), false);
}

AidLosses Aids::descriptors(const at::Tensor& encoded,
                            const PatchTargets& targets,
                            int64_t queries,
                            uint64_t seed) const {
  const at::Tensor picked = draw_patches(encoded.size(2), queries, seed, encoded.device());
  at::Tensor d = descriptor_->forward(encoded).to(at::kFloat);
  d = d / d.norm(2, -1, true).clamp_min(1e-6);
  // [B, i, 1, q, c] x [B, 1, j, c, n]
  constexpr double kSharpness = 2.3;  // similarities of up to 10 from the start
  const at::Tensor scores =
      d.index_select(2, picked).unsqueeze(2).matmul(d.transpose(2, 3).unsqueeze(1)) *
      (kSharpness + sharpness_).exp();
  const Match match = match_loss(scores, across_frames(targets.match, picked));
  AidLosses losses;
  losses.descriptor = match.loss;
  losses.descriptor_accuracy = match.accuracy;
  return losses;
}

AidLosses Aids::forward(const Inside& inside,
                        const PatchTargets& targets,
                        int64_t rows,
                        int64_t columns,
                        int64_t queries,
                        uint64_t seed) const {
  AidLosses losses = descriptors(inside.encoded, targets, queries, seed);
  const at::Tensor picked =
      draw_patches(inside.encoded.size(2), queries, seed + 1, inside.encoded.device());
  const at::Tensor target = across_frames(targets.match, picked);

  constexpr int64_t kHeads = 2;
  losses.attention = at::zeros({}, targets.points.options());
  const auto blocks = static_cast<double>(inside.queries.size());
  for (size_t i = 0; i < inside.queries.size(); ++i) {
    const at::Tensor q = inside.queries[i].slice(1, 0, kHeads).index_select(3, picked);
    const at::Tensor k = inside.keys[i].slice(1, 0, kHeads);
    const at::Tensor scores = q.unsqueeze(3).matmul(k.transpose(3, 4).unsqueeze(2)) /
                              std::sqrt(static_cast<double>(q.size(4)));  // [B, A, i, j, q, n]
    const Match match =
        match_loss(scores, target.unsqueeze(1).expand({-1, scores.size(1), -1, -1, -1}));
    losses.attention = losses.attention + match.loss / blocks;
    losses.attention_accuracy += match.accuracy / blocks;
  }

  const at::Tensor own = own_places(rows, columns, targets.points.options());
  losses.own_place =
      (own_place_->forward(inside.encoded).to(at::kFloat) - own).abs().sum(-1).mean();

  // Later layers should know better, and count more.
  losses.place = at::zeros({}, targets.points.options());
  losses.point = at::zeros({}, targets.points.options());
  constexpr double kFarthest = 8;  // of the scene's unit
  const at::Tensor valid = (targets.depth > 0) & (targets.depth < kFarthest);
  const at::Tensor scale = targets.depth.clamp_min(0.3).rsqrt();
  for (size_t i = 0; i < layers_.size(); ++i) {
    const double weight = 0.5 + 0.5 * static_cast<double>(i) /
                                    static_cast<double>(std::max<size_t>(1, layers_.size() - 1));
    const at::Tensor& tokens = inside.layers.at(layers_[i]);
    const at::Tensor place = place_[i]->forward(tokens).to(at::kFloat);
    losses.place = losses.place +
                   weight * masked_mean((place - targets.place).abs().sum(-1), targets.has_place);
    const at::Tensor error =
        (point_[i]->forward(tokens).to(at::kFloat) - targets.points).square().sum(-1) + 1e-12;
    losses.point = losses.point + weight * masked_mean(error.sqrt() * scale, valid);
  }
  return losses;
}

}  // namespace vggt::train
