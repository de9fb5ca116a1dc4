// SPDX-License-Identifier: Apache-2.0
#include "src/nn/camera_head.h"

#include <ATen/ATen.h>

#include "src/base/trace.h"

namespace vggt::nn {
namespace {

constexpr double kAdaptiveNormEps =
    1e-6;  // this norm alone has neither weights nor the heads' 1e-5

// Translation and quaternion as they are, angles of view not below zero.
at::Tensor activate(const at::Tensor& encoding) {
  return at::cat({encoding.slice(2, 0, 7), at::relu(encoding.slice(2, 7))}, 2);
}

}  // namespace

PoseModulation::PoseModulation(int64_t channels) {
  linear = register_module("1", std::make_shared<Linear>(channels, 3 * channels));
}

at::Tensor PoseModulation::forward(const at::Tensor& x) const {
  return linear->forward(at::silu(x));
}

CameraHead::CameraHead(const ModelConfig& config)
    : num_iterations(config.camera_head->num_iterations) {
  const CameraHeadConfig& head = *config.camera_head;
  const int64_t channels = config.head_dim_in();
  constexpr double kEps = 1e-5;
  empty_pose_tokens = register_parameter("empty_pose_tokens", placeholder({1, 1, 9}), false);
  token_norm = register_module("token_norm", std::make_shared<LayerNorm>(channels, kEps));
  trunk_norm = register_module("trunk_norm", std::make_shared<LayerNorm>(channels, kEps));
  embed_pose = register_module("embed_pose", std::make_shared<Linear>(9, channels));
  poseLN_modulation =
      register_module("poseLN_modulation", std::make_shared<PoseModulation>(channels));
  trunk = register_list(*this, "trunk", head.trunk_depth, [&](int64_t) {
    return std::make_shared<Block>(BlockOptions{
        .channels = channels, .heads = head.num_heads, .mlp_ratio = head.mlp_ratio, .eps = kEps});
  });
  pose_branch = register_module("pose_branch", std::make_shared<Mlp>(channels, channels / 2, 9));
}

std::vector<at::Tensor> CameraHead::forward(const at::Tensor& camera_tokens) const {
  const at::Tensor tokens = token_norm->forward(camera_tokens);
  trace("token_normed", tokens);
  if (!compensation_token.defined()) return iterate(tokens);
  const at::Tensor more =
      compensation_token.to(tokens.options()).view({1, 1, -1}).expand({tokens.size(0), 1, -1});
  std::vector<at::Tensor> encodings = iterate(at::cat({tokens, more}, 1));
  for (at::Tensor& encoding : encodings) encoding = encoding.slice(1, 0, tokens.size(1));
  return encodings;
}

std::vector<at::Tensor> CameraHead::iterate(const at::Tensor& normed_tokens) const {
  const at::Tensor start =
      empty_pose_tokens.expand({normed_tokens.size(0), normed_tokens.size(1), -1});
  const at::Tensor adaptive =
      at::layer_norm(normed_tokens, {normed_tokens.size(2)}, {}, {}, kAdaptiveNormEps);
  at::Tensor encoding;  // raw: what is fed back has not been activated
  std::vector<at::Tensor> results;
  for (int64_t k = 0; k < num_iterations; ++k) {
    const TraceScope scope("iter", k);
    // Each iteration learns from its own result alone.
    if (encoding.defined()) encoding = encoding.detach();
    const at::Tensor embedded = embed_pose->forward(encoding.defined() ? encoding : start);
    trace("pose_embedding", embedded);
    const at::Tensor modulation = poseLN_modulation->forward(embedded);
    trace("shift_scale_gate", modulation);
    const std::vector<at::Tensor> parts = modulation.chunk(3, 2);
    at::Tensor x = parts[2] * (adaptive * (1 + parts[1]) + parts[0]) + normed_tokens;
    trace("trunk_in", x);
    {
      const TraceMute inside(true);
      for (const auto& block : trunk) x = block->forward(x);
    }
    trace("trunk_out", x);
    const at::Tensor delta = pose_branch->forward(trunk_norm->forward(x));
    trace("delta", delta);
    encoding = encoding.defined() ? encoding + delta : delta;
    results.push_back(activate(encoding));
  }
  return results;
}

}  // namespace vggt::nn
