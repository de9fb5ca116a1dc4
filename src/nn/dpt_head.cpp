// SPDX-License-Identifier: Apache-2.0
#include "src/nn/dpt_head.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "src/base/device.h"
#include "src/base/pace.h"
#include "src/base/trace.h"
#include "src/nn/dpt_head_fast.h"

namespace vggt::nn {
namespace {

constexpr ConvOptions kConv3x3 = {.kernel = 3, .padding = 1};

at::Tensor resize(const at::Tensor& x, int64_t rows, int64_t columns) {
  return at::upsample_bilinear2d(x, {rows, columns}, /*align_corners=*/true);
}

// x is a fresh activation; its two halves take the embedding in place unless autograd needs x.
at::Tensor add_position(const at::Tensor& x, DptPositions& positions) {
  const int64_t channels = x.size(1);
  const DptPositionEmbedding& embedding = positions.of(channels, x.size(2), x.size(3), x.options());
  const at::Tensor by_column = embedding.by_column.unsqueeze(1);
  const at::Tensor by_row = embedding.by_row.unsqueeze(2);
  if (c10::GradMode::is_enabled() && x.requires_grad()) {
    return at::cat({x.slice(1, 0, channels / 2) + by_column, x.slice(1, channels / 2) + by_row}, 1);
  }
  x.slice(1, 0, channels / 2).add_(by_column);
  x.slice(1, channels / 2).add_(by_row);
  return x;
}

// Maps of all frames, put together from chunks.
class Maps {
 public:
  Maps(int64_t frames, HostCopies* to_host) : frames_(frames), to_host_(to_host) {}

  void take(int64_t begin, const at::Tensor& chunk) {
    if (!to_host_) {
      parts_.push_back(chunk);
      return;
    }
    if (!all_.defined()) {
      std::vector<int64_t> sizes = chunk.sizes().vec();
      sizes.front() = frames_;
      all_ = to_host_->empty(sizes, chunk.scalar_type());
    }
    to_host_->download(all_.slice(0, begin, begin + chunk.size(0)), chunk);
  }

  at::Tensor all() const {
    if (to_host_) return all_;
    return parts_.size() == 1 ? parts_.front() : at::cat(parts_);
  }

 private:
  int64_t frames_;
  HostCopies* to_host_;
  at::Tensor all_;                 // on the host
  std::vector<at::Tensor> parts_;  // else
};

}  // namespace

DptPositionEmbedding dpt_position_embedding(int64_t channels,
                                            int64_t rows,
                                            int64_t columns,
                                            double aspect) {
  constexpr double kStrength = 0.1;
  constexpr double kBase = 100;
  const double diagonal = std::sqrt(aspect * aspect + 1);
  const int64_t quarter = channels / 4;
  const at::Tensor omega =
      at::pow(kBase, at::arange(quarter, at::kDouble) * (-1.0 / static_cast<double>(quarter)));
  const auto axis = [&](double span, int64_t count) {
    const double last = span * static_cast<double>(count - 1) / static_cast<double>(count);
    const at::Tensor places = at::linspace(-last, last, count, at::kFloat).to(at::kDouble);
    const at::Tensor angles = omega.unsqueeze(1) * places;
    // Cast before the factor, in the order of the original.
    return at::cat({angles.sin(), angles.cos()}).to(at::kFloat) * kStrength;
  };
  return {axis(aspect / diagonal, columns), axis(1 / diagonal, rows)};
}

const DptPositionEmbedding& DptPositions::of(int64_t channels,
                                             int64_t rows,
                                             int64_t columns,
                                             const at::TensorOptions& options) {
  auto found = made_.find({channels, rows, columns});
  if (found == made_.end()) {
    const auto [by_column, by_row] = dpt_position_embedding(channels, rows, columns, aspect_);
    const DptPositionEmbedding there = {by_column.to(options), by_row.to(options)};
    found = made_.emplace(std::array{channels, rows, columns}, there).first;
  }
  return found->second;
}

DenseMap activate_dense(const at::Tensor& logits, DptActivation activation) {
  const int64_t values = logits.size(1) - 1;
  const at::Tensor y = logits.slice(1, 0, values).permute({0, 2, 3, 1});
  const at::Tensor confidence = logits.select(1, values);
  return {activation == DptActivation::kExp ? y.exp() : y.sign() * y.abs().expm1(),
          confidence.exp() + 1};
}

ResidualConvUnit::ResidualConvUnit(int64_t features) {
  conv1 = register_module("conv1", std::make_shared<Conv2d>(features, features, kConv3x3));
  conv2 = register_module("conv2", std::make_shared<Conv2d>(features, features, kConv3x3));
}

at::Tensor ResidualConvUnit::forward(const at::Tensor& x) const {
  const at::Tensor rectified = at::relu(x);
  return rectified + conv2->forward(relu_reusing(conv1->forward(rectified)));
}

FeatureFusion::FeatureFusion(int64_t features, bool has_first_unit) {
  out_conv =
      register_module("out_conv", std::make_shared<Conv2d>(features, features, ConvOptions{}));
  if (has_first_unit) {
    resConfUnit1 = register_module("resConfUnit1", std::make_shared<ResidualConvUnit>(features));
  }
  resConfUnit2 = register_module("resConfUnit2", std::make_shared<ResidualConvUnit>(features));
}

at::Tensor FeatureFusion::forward(const at::Tensor& path,
                                  const at::Tensor& level,
                                  int64_t rows,
                                  int64_t columns) const {
  const at::Tensor x = resConfUnit1 ? path + resConfUnit1->forward(level) : level;
  // The original resizes first. A 1x1 convolution and an interpolation whose weights sum to one
  // commute, and here the convolution has a quarter of the pixels.
  return resize(out_conv->forward(resConfUnit2->forward(x)), rows, columns);
}

DptHead::DptHead(const DptConfig& head, const ModelConfig& config)
    : head(head), patch_size(config.patch_size), special_tokens(config.special_tokens()) {
  const std::vector<int64_t>& channels = head.out_channels;
  norm = register_module("norm", std::make_shared<LayerNorm>(config.head_dim_in(), 1e-5));
  projects_ = register_list(*this, "projects", 4, [&](int64_t k) {
    return std::make_shared<Conv2d>(config.head_dim_in(), channels[k], ConvOptions{});
  });

  // Names as in the checkpoint: number 2 of the resize layers is the identity and has no
  // parameters.
  const auto resize_layers =
      register_module("resize_layers", std::make_shared<torch::nn::Module>());
  upsample4_ = resize_layers->register_module(
      "0", std::make_shared<ConvTranspose2d>(channels[0], channels[0], 4));
  upsample2_ = resize_layers->register_module(
      "1", std::make_shared<ConvTranspose2d>(channels[1], channels[1], 2));
  downsample2_ = resize_layers->register_module(
      "3",
      std::make_shared<Conv2d>(
          channels[3], channels[3], ConvOptions{.kernel = 3, .stride = 2, .padding = 1}));

  const auto scratch = register_module("scratch", std::make_shared<torch::nn::Module>());
  for (int64_t k = 0; k < 4; ++k) {
    layer_rn_.push_back(scratch->register_module(
        "layer" + std::to_string(k + 1) + "_rn",
        std::make_shared<Conv2d>(
            channels[k], head.features, ConvOptions{.kernel = 3, .padding = 1, .bias = false})));
    refine_.push_back(
        scratch->register_module("refinenet" + std::to_string(k + 1),
                                 std::make_shared<FeatureFusion>(head.features, k < 3)));
  }
  const int64_t fine = head.feature_only ? head.features : head.features / 2;
  output_conv1_ = scratch->register_module("output_conv1",
                                           std::make_shared<Conv2d>(head.features, fine, kConv3x3));
  if (head.feature_only) return;
  const auto output_conv2 =
      scratch->register_module("output_conv2", std::make_shared<torch::nn::Module>());
  output_conv2_first_ = output_conv2->register_module(
      "0", std::make_shared<Conv2d>(fine, head.hidden_channels, kConv3x3));
  output_conv2_second_ = output_conv2->register_module(
      "2", std::make_shared<Conv2d>(head.hidden_channels, head.output_dim, ConvOptions{}));
}

at::Tensor DptHead::fuse(const std::vector<at::Tensor>& tokens,
                         int64_t image_height,
                         int64_t image_width,
                         DptPositions& positions) const {
  const int64_t rows = image_height / patch_size;
  const int64_t columns = image_width / patch_size;
  std::vector<at::Tensor> levels;
  for (int64_t k = 0; k < 4; ++k) {
    at::Tensor x = norm->forward(tokens[k].slice(1, special_tokens));
    x = projects_[k]->forward(x.transpose(1, 2).unflatten(2, {rows, columns}));
    trace("project_", k, x);
    if (head.pos_embed) x = add_position(x, positions);
    if (k == 0) x = upsample4_->forward(x);
    if (k == 1) x = upsample2_->forward(x);
    if (k == 3) x = downsample2_->forward(x);
    trace("resized_", k, x);
    x = layer_rn_[k]->forward(x);
    trace("layer" + std::to_string(k + 1) + "_rn", x);
    levels.push_back(x);
  }

  at::Tensor path;
  for (int64_t k = 3; k >= 0; --k) {
    const int64_t to_rows = k > 0 ? levels[k - 1].size(2) : 2 * levels[0].size(2);
    const int64_t to_columns = k > 0 ? levels[k - 1].size(3) : 2 * levels[0].size(3);
    path = refine_[k]->forward(path, levels[k], to_rows, to_columns);
    levels.pop_back();
    trace("refinenet", k + 1, path);
  }
  path = output_conv1_->forward(path);
  trace("output_conv1", path);
  path = resize(path, image_height / head.down_ratio, image_width / head.down_ratio);
  if (head.pos_embed) path = add_position(path, positions);
  if (head.feature_only) return path;
  path = output_conv2_second_->forward(relu_reusing(output_conv2_first_->forward(path)));
  trace("logits", path);
  return path;
}

void DptHead::run(const std::map<int64_t, at::Tensor>& layers,
                  int64_t image_height,
                  int64_t image_width,
                  int64_t frames,
                  StageProgress& progress,
                  HostCopies* copies,
                  const std::function<void(int64_t, const at::Tensor&)>& take) const {
  std::vector<at::Tensor> levels;
  for (const int64_t layer : head.intermediate_layer_idx) {
    levels.push_back(layers.at(layer).flatten(0, 1));
  }
  std::optional<FastDptHead> fast;
  if (FastDptHead::takes(levels.front(), *this)) fast.emplace(*this);
  DptPositions positions(static_cast<double>(image_width) / static_cast<double>(image_height));
  ChunkFeed feed(levels, frames, copies);
  Pace pace(norm->weight.device());
  int64_t done = 0;
  for (auto tokens = feed.next(); !tokens.empty(); tokens = feed.next()) {
    const at::Tensor map = fast ? fast->fuse(tokens, image_height, image_width, positions)
                                : fuse(tokens, image_height, image_width, positions);
    feed.prefetch();
    take(done, map);
    done += map.size(0);
    pace.step();
    progress.advance(map.size(0));
  }
  synchronize(norm->weight.device());
}

at::Tensor DptHead::features(const std::map<int64_t, at::Tensor>& layers,
                             int64_t image_height,
                             int64_t image_width,
                             int64_t frames,
                             StageProgress& progress,
                             const DptHostSide& host) const {
  std::vector<at::Tensor> parts;
  run(layers,
      image_height,
      image_width,
      frames,
      progress,
      host.layers,
      [&](int64_t, const at::Tensor& map) { parts.push_back(map); });
  const at::Tensor& first = layers.begin()->second;
  return (parts.size() == 1 ? parts.front() : at::cat(parts))
      .unflatten(0, {first.size(0), first.size(1)});
}

DenseMap DptHead::forward(const std::map<int64_t, at::Tensor>& layers,
                          int64_t image_height,
                          int64_t image_width,
                          int64_t frames,
                          StageProgress& progress,
                          const DptHostSide& host) const {
  const at::Tensor& first = layers.begin()->second;
  Maps values(first.size(0) * first.size(1), host.maps);
  Maps confidence = values;
  const auto take = [&](int64_t begin, const at::Tensor& logits) {
    const DenseMap map = activate_dense(logits, head.activation);
    values.take(begin, map.values);
    confidence.take(begin, map.confidence);
  };
  run(layers, image_height, image_width, frames, progress, host.layers, take);
  if (host.maps) host.maps->finish();
  const auto to_scenes = [&](const at::Tensor& x) {
    return x.unflatten(0, {first.size(0), first.size(1)}).contiguous();
  };
  return {to_scenes(values.all()), to_scenes(confidence.all())};
}

}  // namespace vggt::nn
