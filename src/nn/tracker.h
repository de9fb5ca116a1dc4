// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/models/config.h"
#include "src/nn/layers.h"

namespace vggt::nn {

/// PyTorch's nn.MultiheadAttention with its parameter names; q, k, v weights are one matrix.
struct MultiheadAttention : torch::nn::Module {
  MultiheadAttention(int64_t channels, int64_t heads);
  /// query [B, N, C], context [B, M, C] -> [B, N, C]
  at::Tensor forward(const at::Tensor& query, const at::Tensor& context) const;
  int64_t heads;
  at::Tensor in_proj_weight;  ///< [3 C, C]: rows of q, then k, then v
  at::Tensor in_proj_bias;    ///< [3 C]
  std::shared_ptr<Linear> out_proj;
};

/// The tracker's transformer block. Unlike in a ViT block the residual's base is the normalised
/// value.
struct TrackBlock : torch::nn::Module {
  /// A cross-attention block has a norm for its context.
  TrackBlock(const TrackHeadConfig& config, bool cross);
  at::Tensor forward(const at::Tensor& x) const;                             ///< self-attention
  at::Tensor forward(const at::Tensor& x, const at::Tensor& context) const;  ///< cross-attention
  std::shared_ptr<LayerNorm> norm1, norm_context, norm2;
  std::shared_ptr<MultiheadAttention> attention;
  std::shared_ptr<Mlp> mlp;

 private:
  at::Tensor residual(const at::Tensor& normed, const at::Tensor& context) const;
};

/// Attention over time per track, and over tracks per frame by way of a few virtual tracks.
struct UpdateFormer : torch::nn::Module {
  explicit UpdateFormer(const TrackHeadConfig& config);
  /// [N, S, 3 F + 4] -> [N, S, F + 2]
  at::Tensor forward(const at::Tensor& input) const;
  at::Tensor virual_tracks;  ///< [1, V, 1, hidden]; spelled as in the checkpoint
  std::shared_ptr<LayerNorm> input_norm, output_norm;
  std::shared_ptr<Linear> input_transform, flow_head;
  std::vector<std::shared_ptr<TrackBlock>> time_blocks, space_virtual_blocks,
      space_point2virtual_blocks, space_virtual2point_blocks;
};

/// The point tracker of one scene. Coordinates are pixels (x, y) of the feature maps, not of the
/// image. Karaev et al., "CoTracker", ECCV 2024; Wang et al., "VGGSfM", CVPR 2024.
struct Tracker : torch::nn::Module {
  explicit Tracker(const TrackHeadConfig& config);

  /// What stays the same in all iterations.
  struct Context {
    std::vector<at::Tensor> pyramid;  ///< per level [S, F, h, w], halved from level to level
    at::Tensor start;                 ///< [N, 2] query points, in feature pixels of frame 0
    at::Tensor position;              ///< [N, 1, 3 F + 4] embedding of the query points
  };
  struct State {
    at::Tensor coords;    ///< [N, S, 2]
    at::Tensor features;  ///< [N, S, F]
  };

  /// maps [S, F, h, w] features before fmap_norm; queries [N, 2] in feature pixels.
  Context prepare(const at::Tensor& maps, const at::Tensor& queries) const;
  /// Every track at its query point, with the query's features.
  State begin(const Context& context) const;
  /// One iteration. Frame 0 stays at the query points.
  State step(const Context& context, const State& state) const;
  /// [N, S, F] -> [N, S], in (0, 1)
  at::Tensor visibility(const at::Tensor& features) const;
  at::Tensor confidence(const at::Tensor& features) const;

  TrackHeadConfig config;
  at::Tensor query_ref_token;  ///< [1, 2, 3 F + 4]: entry 0 for frame 0, entry 1 for the others
  std::shared_ptr<Mlp> corr_mlp;
  std::shared_ptr<LayerNorm> fmap_norm, ffeat_norm;
  std::shared_ptr<UpdateFormer> updateformer;

 private:
  std::shared_ptr<Linear> ffeat_updater_, vis_predictor_, conf_predictor_;
};

/// Values of maps [B, F, h, w] at pixel coordinates [B, N, 2] (x, y), bilinear: [B, N, F]. The
/// centre of pixel (i, j) is at (i, j). Outside the map: the border's value, or zero.
enum class Outside { kBorder, kZero };
at::Tensor sample_maps(const at::Tensor& maps, const at::Tensor& coords, Outside outside);

/// Feature correlations around `coords` [N, S, 2]: [N, S, levels * (2 r + 1)^2], the x offset being
/// the slow index inside a level. pyramid: per level [S, F, h, w]; features [N, S, F].
at::Tensor correlate(const std::vector<at::Tensor>& pyramid,
                     const at::Tensor& features,
                     const at::Tensor& coords,
                     int64_t radius);

/// Sine-cosine embedding of offsets [..., 2] with frequencies up to 1000 rad per pixel: [...,
/// channels], the x half first, sine and cosine interleaved. Rounded to float32.
at::Tensor embed_flow(const at::Tensor& flow, int64_t channels);

/// Sine-cosine embedding of integer pixel positions: [count, channels], sines first. float32.
at::Tensor embed_pixels(int64_t count, int64_t channels);

}  // namespace vggt::nn
