// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/chain.h"

#include <ATen/ATen.h>

#include "kernels/attention/attention.h"

namespace vggt::calibrate {

const at::Tensor& LayerInputs::operator[](size_t layer) const {
  const at::Tensor* all[] = {&qkv, &proj, &fc1, &fc2};
  return *all[layer];
}

std::shared_ptr<nn::Linear> BlockSite::layer(size_t index) const {
  const std::shared_ptr<nn::Linear> all[] = {
      block->attn->qkv, block->attn->proj, block->mlp->fc1, block->mlp->fc2};
  return all[index];
}

std::string BlockSite::layer_name(size_t index) const {
  const char* const all[] = {".attn.qkv", ".attn.proj", ".mlp.fc1", ".mlp.fc2"};
  return name + all[index];
}

std::vector<BlockSite> block_sites(const nn::Aggregator& aggregator) {
  std::vector<BlockSite> sites;
  for (size_t i = 0; i < aggregator.frame_blocks.size(); ++i) {
    const std::string number = std::to_string(i);
    sites.push_back({"aggregator.frame_blocks." + number, aggregator.frame_blocks[i].get(), false});
    sites.push_back(
        {"aggregator.global_blocks." + number, aggregator.global_blocks[i].get(), true});
  }
  return sites;
}

Chain::Chain(const nn::Aggregator& aggregator, const at::Tensor& images)
    : special_(aggregator.config.special_tokens()) {
  const int64_t frames = images.size(1);
  const at::Tensor patches = aggregator.encode(images.flatten(0, 1), {}, nullptr);
  x_ = aggregator.residual_stream(patches, 1, frames);
  const ModelConfig& config = aggregator.config;
  frame_rope_ = kernels::rope2d_tables(
      aggregator.positions(
          images.size(3) / config.patch_size, images.size(4) / config.patch_size, images.device()),
      config.embed_dim / config.aggregator.num_heads,
      config.aggregator.rope_freq,
      x_.scalar_type());
  global_rope_ = {frame_rope_.cos.repeat({1, frames, 1}), frame_rope_.sin.repeat({1, frames, 1})};
}

at::Tensor Chain::stream(bool global) const { return global ? x_.flatten(0, 1).unsqueeze(0) : x_; }

LayerInputs Chain::inputs(const BlockSite& site) const {
  const nn::Block& block = *site.block;
  const at::Tensor x = stream(site.global);
  LayerInputs in;
  in.qkv = block.norm1->forward(x);
  const kernels::Heads heads = block.attn->heads_of(in.qkv, &rope(site.global));
  in.proj = kernels::attention(heads.q, heads.k, heads.v);
  const at::Tensor middle = block.ls1->add(x, block.attn->proj->forward_wide(in.proj));
  in.fc1 = block.norm2->forward(middle);
  in.fc2 = block.mlp->fc1->forward(in.fc1, kernels::Activation::kGelu);
  in.out = block.ls2->add(middle, block.mlp->fc2->forward_wide(in.fc2));
  return in;
}

void Chain::advance(const at::Tensor& out) { x_ = out.view(x_.sizes()); }

at::Tensor Chain::rows(const at::Tensor& input, bool patches_only) const {
  at::Tensor frames = input.reshape({x_.size(0), x_.size(1), -1});
  if (patches_only) frames = frames.slice(1, special_);
  return frames.flatten(0, 1).to(at::kFloat);
}

at::Tensor Chain::camera_tokens() const { return x_.select(1, 0); }

}  // namespace vggt::calibrate
