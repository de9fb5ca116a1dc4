// SPDX-License-Identifier: Apache-2.0
#include "src/nn/dpt_head_fast.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "src/base/trace.h"

namespace vggt::nn {
namespace {

using kernels::conv3x3;
using kernels::Conv3x3Weights;

Conv3x3Weights transform(const Conv2d& conv) {
  return kernels::transform_conv3x3(conv.weight, conv.bias);
}

at::Tensor to_channels_first(const at::Tensor& x) { return x.permute({0, 3, 1, 2}); }

at::Tensor resize(const at::Tensor& x, int64_t rows, int64_t columns) {
  return at::upsample_bilinear2d(to_channels_first(x), {rows, columns}, /*align_corners=*/true)
      .permute({0, 2, 3, 1});
}

kernels::PixelPosition position_of(int64_t channels,
                                   int64_t rows,
                                   int64_t columns,
                                   DptPositions& positions) {
  const DptPositionEmbedding& embedding = positions.of(channels, rows, columns, at::kFloat);
  return {embedding.by_column.t().contiguous(), embedding.by_row.t().contiguous()};
}

// In place.
void add_position(at::Tensor x, DptPositions& positions) {
  const int64_t half = x.size(3) / 2;
  const kernels::PixelPosition position = position_of(x.size(3), x.size(1), x.size(2), positions);
  x.slice(3, 0, half).add_(position.by_column);
  x.slice(3, half).add_(position.by_row.unsqueeze(1));
}

}  // namespace

bool FastDptHead::takes(const at::Tensor& tokens, const DptHead& head) {
  return kernels::has_conv3x3() && head.norm->weight.is_cpu() &&
         at::isReducedFloatingType(tokens.scalar_type()) &&
         head.norm->weight.scalar_type() == at::kFloat && !c10::GradMode::is_enabled();
}

FastDptHead::FastDptHead(const DptHead& head) : head_(head) {
  for (const auto& project : head.projects_) projects_.push_back(pointwise(*project));
  upsample_ = {pointwise(*head.upsample4_), pointwise(*head.upsample2_)};
  for (const auto& conv : head.layer_rn_) layer_rn_.push_back(transform(*conv));
  for (const auto& step : head.refine_) {
    refine_.push_back({step->resConfUnit1 ? unit(*step->resConfUnit1) : Unit{},
                       unit(*step->resConfUnit2),
                       pointwise(*step->out_conv)});
  }
  output_conv1_ = transform(*head.output_conv1_);
  if (head.head.feature_only) return;
  output_conv2_first_ = transform(*head.output_conv2_first_);
  output_conv2_second_ = pointwise(*head.output_conv2_second_);
}

FastDptHead::Pointwise FastDptHead::pointwise(const Conv2d& conv) {
  return {conv.weight.flatten(1), conv.bias};
}

// One output per place in the kernel, [stride, stride, K].
FastDptHead::Pointwise FastDptHead::pointwise(const ConvTranspose2d& conv) {
  return {conv.weight.permute({2, 3, 1, 0}).flatten(0, 2).contiguous(),
          conv.bias.repeat({conv.stride * conv.stride})};
}

FastDptHead::Unit FastDptHead::unit(const ResidualConvUnit& unit) {
  return {transform(*unit.conv1), transform(*unit.conv2)};
}

at::Tensor FastDptHead::level(int64_t k,
                              const at::Tensor& tokens,
                              int64_t rows,
                              int64_t columns,
                              DptPositions& positions) const {
  at::Tensor x = head_.norm->forward(tokens.slice(1, head_.special_tokens));
  x = at::linear(x, projects_[k].weight, projects_[k].bias).unflatten(1, {rows, columns});
  trace("project_", k, to_channels_first(x));
  if (head_.head.pos_embed) add_position(x, positions);
  if (k < 2) {
    const int64_t scale = k == 0 ? 4 : 2;
    x = at::linear(x, upsample_[k].weight, upsample_[k].bias).unflatten(3, {scale, scale, -1});
    x = x.permute({0, 1, 3, 2, 4, 5}).reshape({x.size(0), scale * rows, scale * columns, -1});
  }
  if (k == 3) x = head_.downsample2_->forward(to_channels_first(x)).permute({0, 2, 3, 1});
  trace("resized_", k, to_channels_first(x));
  return conv3x3(x, layer_rn_[k], {.relu = true});
}

at::Tensor FastDptHead::fuse(const std::vector<at::Tensor>& tokens,
                             int64_t image_height,
                             int64_t image_width,
                             DptPositions& positions) const {
  const DptConfig& config = head_.head;
  const int64_t rows = image_height / head_.patch_size;
  const int64_t columns = image_width / head_.patch_size;
  std::vector<at::Tensor> levels;
  for (int64_t k = 0; k < 4; ++k) levels.push_back(level(k, tokens[k], rows, columns, positions));

  at::Tensor path;
  for (int64_t k = 3; k >= 0; --k) {
    const Fusion& step = refine_[k];
    at::Tensor x = levels.back();  // rectified
    levels.pop_back();
    if (path.defined()) {
      path = resize(path, x.size(1), x.size(2));
      trace("refinenet", k + 2, to_channels_first(path));
      const at::Tensor inner = conv3x3(x, step.first.conv1, {.relu = true});
      x = conv3x3(inner, step.first.conv2, {.added = x, .also_added = path, .relu = true});
    }
    const at::Tensor inner = conv3x3(x, step.second.conv1, {.relu = true});
    x = conv3x3(inner, step.second.conv2, {.added = x});
    path = at::linear(x, step.out.weight, step.out.bias);
  }
  path = conv3x3(path, output_conv1_, {.rows = 2 * path.size(1), .columns = 2 * path.size(2)});
  trace("output_conv1", to_channels_first(path));

  const int64_t out_rows = image_height / config.down_ratio;
  const int64_t out_columns = image_width / config.down_ratio;
  if (config.feature_only) {
    path = resize(path, out_rows, out_columns);
    if (config.pos_embed) add_position(path, positions);
    return to_channels_first(path);
  }
  kernels::Conv3x3Options last = {.rows = out_rows, .columns = out_columns, .relu = true};
  if (config.pos_embed) last.position = position_of(path.size(3), out_rows, out_columns, positions);
  path = conv3x3(path, output_conv2_first_, last);
  path =
      to_channels_first(at::linear(path, output_conv2_second_.weight, output_conv2_second_.bias));
  trace("logits", path);
  return path;
}

}  // namespace vggt::nn
