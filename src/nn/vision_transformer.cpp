// SPDX-License-Identifier: Apache-2.0
#include "src/nn/vision_transformer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "src/base/trace.h"

namespace vggt::nn {

PatchEmbed::PatchEmbed(int64_t patch_size, int64_t channels) {
  proj = register_module("proj",
                         std::make_shared<Conv2d>(
                             3, channels, ConvOptions{.kernel = patch_size, .stride = patch_size}));
}

at::Tensor PatchEmbed::forward(const at::Tensor& images) const {
  return proj->forward(images).flatten(2).transpose(1, 2);
}

VisionTransformer::VisionTransformer(const ModelConfig& config) : patch_size(config.patch_size) {
  const EncoderConfig& encoder = config.patch_embed;
  const int64_t channels = config.embed_dim;
  const int64_t grid = config.img_size / config.patch_size;
  cls_token = register_parameter("cls_token", placeholder({1, 1, channels}), false);
  pos_embed = register_parameter("pos_embed", placeholder({1, 1 + grid * grid, channels}), false);
  register_tokens = register_parameter(
      "register_tokens", placeholder({1, config.num_register_tokens, channels}), false);
  mask_token = register_parameter("mask_token", placeholder({1, channels}), false);
  patch_embed = register_module("patch_embed", std::make_shared<PatchEmbed>(patch_size, channels));
  blocks = register_list(*this, "blocks", encoder.depth, [&](int64_t) {
    return std::make_shared<Block>(BlockOptions{.channels = channels,
                                                .heads = encoder.num_heads,
                                                .mlp_ratio = encoder.mlp_ratio,
                                                .eps = encoder.layer_norm_eps});
  });
  norm = register_module("norm", std::make_shared<LayerNorm>(channels, encoder.layer_norm_eps));
}

at::Tensor VisionTransformer::position_embedding(int64_t rows, int64_t columns) const {
  const auto grid = std::llround(std::sqrt(static_cast<double>(pos_embed.size(1) - 1)));
  if (rows == grid && columns == grid) return pos_embed;
  const at::Tensor patches = pos_embed.slice(1, 1).unflatten(1, {grid, grid}).permute({0, 3, 1, 2});
  const at::Tensor resampled = at::_upsample_bicubic2d_aa(
      patches.to(at::kFloat), {rows, columns}, /*align_corners=*/false, std::nullopt, std::nullopt);
  return at::cat(
      {pos_embed.slice(1, 0, 1), resampled.to(pos_embed.scalar_type()).flatten(2).transpose(1, 2)},
      1);
}

at::Tensor VisionTransformer::forward(const at::Tensor& images, StageProgress* stage) const {
  const int64_t frames = images.size(0);
  const at::Tensor patches = patch_embed->forward(images);
  const at::Tensor positions =
      position_embedding(images.size(2) / patch_size, images.size(3) / patch_size);
  trace("conv_tokens", patches);
  trace("pos_embed_interpolated", positions);

  // Registers have no position, so they go in between after the addition.
  at::Tensor x = at::cat({(cls_token + positions.slice(1, 0, 1)).expand({frames, -1, -1}),
                          register_tokens.expand({frames, -1, -1}),
                          patches + positions.slice(1, 1)},
                         1);
  trace("tokens_in", x);
  for (size_t i = 0; i < blocks.size(); ++i) {
    {
      const TraceMute inside(true);
      blocks[i]->update(x);
    }
    trace("block_", static_cast<int64_t>(i), x);
    if (stage) stage->poll();
  }
  x = norm->forward(x.slice(1, 1 + register_tokens.size(1)));
  trace("patch_tokens", x);
  return x;
}

}  // namespace vggt::nn
