// SPDX-License-Identifier: Apache-2.0
#include "src/nn/tracker.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "src/base/trace.h"

namespace vggt::nn {
namespace {

constexpr double kEps = 1e-5;

// Lists of one module, because the checkpoint's keys end in .0
std::shared_ptr<Linear> register_first(torch::nn::Module& parent,
                                       const std::string& name,
                                       int64_t in,
                                       int64_t out) {
  const auto holder = parent.register_module(name, std::make_shared<torch::nn::Module>());
  return holder->register_module("0", std::make_shared<Linear>(in, out));
}

}  // namespace

at::Tensor sample_maps(const at::Tensor& maps, const at::Tensor& coords, Outside outside) {
  const auto axis = [&](int64_t which, int64_t size) {
    return coords.select(2, which) * (2.0 / static_cast<double>(std::max<int64_t>(size - 1, 1))) -
           1;
  };
  const at::Tensor grid = at::stack({axis(0, maps.size(3)), axis(1, maps.size(2))}, 2).unsqueeze(1);
  constexpr int64_t kBilinear = 0;
  const int64_t padding = outside == Outside::kBorder ? 1 : 0;
  return at::grid_sampler(maps, grid, kBilinear, padding, /*align_corners=*/true)
      .squeeze(2)
      .transpose(1, 2);
}

at::Tensor correlate(const std::vector<at::Tensor>& pyramid,
                     const at::Tensor& features,
                     const at::Tensor& coords,
                     int64_t radius) {
  const int64_t points = coords.size(0);
  const int64_t frames = coords.size(1);
  const int64_t channels = features.size(2);
  const at::Tensor line = at::arange(-radius, radius + 1, coords.options());
  const at::Tensor offsets = at::cartesian_prod({line, line});  // x slow: [K, 2]
  const int64_t window = offsets.size(0);

  // Correlating the sampled features equals sampling the correlation map, both being linear, and
  // needs points * window feature vectors a frame instead of a map per point.
  std::vector<at::Tensor> by_frame;
  for (int64_t s = 0; s < frames; ++s) {
    std::vector<at::Tensor> by_level;
    double scale = 1;
    for (const at::Tensor& level : pyramid) {
      const at::Tensor places = (coords.select(1, s) * scale).unsqueeze(1) + offsets;  // [N, K, 2]
      const at::Tensor sampled =
          sample_maps(level.slice(0, s, s + 1), places.view({1, -1, 2}), Outside::kZero)
              .view({points, window, channels});
      by_level.push_back(at::matmul(sampled, features.select(1, s).unsqueeze(2)).squeeze(2));
      scale *= 0.5;
    }
    by_frame.push_back(at::cat(by_level, 1));
  }
  return at::stack(by_frame, 1) / std::sqrt(static_cast<double>(channels));
}

at::Tensor embed_flow(const at::Tensor& flow, int64_t channels) {
  const int64_t per_axis = channels / 2;
  const at::Tensor frequencies = at::arange(0, per_axis, 2, flow.options().dtype(at::kFloat)) *
                                 (1000.0 / static_cast<double>(per_axis));
  const at::Tensor angles = flow.unsqueeze(-1) * frequencies;  // [..., 2, per_axis / 2]
  return at::stack({angles.sin(), angles.cos()}, -1).flatten(-3).to(at::kFloat);
}

at::Tensor embed_pixels(int64_t count, int64_t channels) {
  const int64_t half = channels / 2;
  const at::Tensor omega =
      at::pow(10000.0, at::arange(half, at::kDouble) * (-1.0 / static_cast<double>(half)));
  const at::Tensor angles = at::arange(count, at::kDouble).unsqueeze(1) * omega;
  return at::cat({angles.sin(), angles.cos()}, 1).to(at::kFloat);
}

MultiheadAttention::MultiheadAttention(int64_t channels, int64_t heads) : heads(heads) {
  in_proj_weight =
      register_parameter("in_proj_weight", placeholder({3 * channels, channels}), false);
  in_proj_bias = register_parameter("in_proj_bias", placeholder({3 * channels}), false);
  out_proj = register_module("out_proj", std::make_shared<Linear>(channels, channels));
}

at::Tensor MultiheadAttention::forward(const at::Tensor& query, const at::Tensor& context) const {
  const int64_t channels = query.size(2);
  const auto project = [&](const at::Tensor& x, int64_t part) {
    const int64_t begin = part * channels;
    return at::linear(x,
                      in_proj_weight.slice(0, begin, begin + channels),
                      in_proj_bias.slice(0, begin, begin + channels))
        .unflatten(2, {heads, channels / heads})
        .transpose(1, 2);
  };
  const at::Tensor out =
      at::scaled_dot_product_attention(project(query, 0), project(context, 1), project(context, 2));
  return out_proj->forward(out.transpose(1, 2).flatten(2));
}

TrackBlock::TrackBlock(const TrackHeadConfig& config, bool cross) {
  const int64_t channels = config.hidden_size;
  norm1 = register_module("norm1", std::make_shared<LayerNorm>(channels, kEps));
  if (cross) {
    norm_context = register_module("norm_context", std::make_shared<LayerNorm>(channels, kEps));
  }
  norm2 = register_module("norm2", std::make_shared<LayerNorm>(channels, kEps));
  attention = register_module(cross ? "cross_attn" : "attn",
                              std::make_shared<MultiheadAttention>(channels, config.num_heads));
  const auto hidden = static_cast<int64_t>(static_cast<double>(channels) * config.mlp_ratio);
  mlp = register_module("mlp", std::make_shared<Mlp>(channels, hidden, channels));
}

at::Tensor TrackBlock::residual(const at::Tensor& normed, const at::Tensor& context) const {
  const at::Tensor x = normed + attention->forward(normed, context);
  return x + mlp->forward(norm2->forward(x));
}

at::Tensor TrackBlock::forward(const at::Tensor& x) const {
  const at::Tensor normed = norm1->forward(x);
  return residual(normed, normed);
}

at::Tensor TrackBlock::forward(const at::Tensor& x, const at::Tensor& context) const {
  return residual(norm1->forward(x), norm_context->forward(context));
}

UpdateFormer::UpdateFormer(const TrackHeadConfig& config) {
  const int64_t hidden = config.hidden_size;
  virual_tracks = register_parameter(
      "virual_tracks", placeholder({1, config.num_virtual_tracks, 1, hidden}), false);
  input_norm =
      register_module("input_norm", std::make_shared<LayerNorm>(config.transformer_dim(), kEps));
  input_transform = register_module("input_transform",
                                    std::make_shared<Linear>(config.transformer_dim(), hidden));
  output_norm = register_module("output_norm", std::make_shared<LayerNorm>(hidden, kEps));
  flow_head = register_module("flow_head", std::make_shared<Linear>(hidden, config.features + 2));
  const auto self = [&](int64_t) { return std::make_shared<TrackBlock>(config, false); };
  const auto cross = [&](int64_t) { return std::make_shared<TrackBlock>(config, true); };
  time_blocks = register_list(*this, "time_blocks", config.time_depth, self);
  space_virtual_blocks = register_list(*this, "space_virtual_blocks", config.space_depth, self);
  space_point2virtual_blocks =
      register_list(*this, "space_point2virtual_blocks", config.space_depth, cross);
  space_virtual2point_blocks =
      register_list(*this, "space_virtual2point_blocks", config.space_depth, cross);
}

at::Tensor UpdateFormer::forward(const at::Tensor& input) const {
  const int64_t points = input.size(0);
  const at::Tensor start = input_transform->forward(input_norm->forward(input));
  at::Tensor tokens =
      at::cat({start, virual_tracks.squeeze(0).expand({-1, input.size(1), -1})});  // [N + V, S, D]
  const size_t times_per_space = time_blocks.size() / space_virtual_blocks.size();
  for (size_t i = 0; i < time_blocks.size(); ++i) {
    tokens = time_blocks[i]->forward(tokens);
    if (i % times_per_space != 0) continue;
    const size_t j = i / times_per_space;
    const at::Tensor by_frame = tokens.transpose(0, 1);  // [S, N + V, D]
    at::Tensor point = by_frame.slice(1, 0, points);
    at::Tensor virtual_track = by_frame.slice(1, points);
    virtual_track = space_virtual2point_blocks[j]->forward(virtual_track, point);
    virtual_track = space_virtual_blocks[j]->forward(virtual_track);
    point = space_point2virtual_blocks[j]->forward(point, virtual_track);
    tokens = at::cat({point, virtual_track}, 1).transpose(0, 1);
  }
  return flow_head->forward(output_norm->forward(tokens.slice(0, 0, points) + start));
}

Tracker::Tracker(const TrackHeadConfig& config) : config(config) {
  const int64_t features = config.features;
  query_ref_token =
      register_parameter("query_ref_token", placeholder({1, 2, config.transformer_dim()}), false);
  corr_mlp = register_module(
      "corr_mlp", std::make_shared<Mlp>(config.correlations(), config.hidden_size, features));
  fmap_norm = register_module("fmap_norm", std::make_shared<LayerNorm>(features, kEps));
  // A GroupNorm with one group over rows of features: the same thing.
  ffeat_norm = register_module("ffeat_norm", std::make_shared<LayerNorm>(features, kEps));
  ffeat_updater_ = register_first(*this, "ffeat_updater", features, features);
  vis_predictor_ = register_first(*this, "vis_predictor", features, 1);
  conf_predictor_ = register_first(*this, "conf_predictor", features, 1);
  updateformer = register_module("updateformer", std::make_shared<UpdateFormer>(config));
}

Tracker::Context Tracker::prepare(const at::Tensor& maps, const at::Tensor& queries) const {
  const at::Tensor normed = fmap_norm->forward(maps.permute({0, 2, 3, 1}));
  trace("fmaps_normed_channel_last", normed.unsqueeze(0));
  Context context;
  context.pyramid.push_back(normed.permute({0, 3, 1, 2}).contiguous());
  for (int64_t level = 1; level < config.corr_levels; ++level) {
    context.pyramid.push_back(at::avg_pool2d(context.pyramid.back(), {2, 2}, {2, 2}));
  }
  context.start = queries.to(normed.scalar_type());
  // Sampled as a map in float32 whatever the precision: the flow embedding multiplies every
  // rounding of it, and this is how the original rounds. Each half depends on one axis, so the map
  // is strides over two small tables.
  const int64_t rows = maps.size(2);
  const int64_t columns = maps.size(3);
  const int64_t per_axis = config.transformer_dim() / 2;
  const at::Tensor by_column =
      embed_pixels(columns, per_axis).to(maps.device()).t().unsqueeze(0).unsqueeze(2);
  const at::Tensor by_row =
      embed_pixels(rows, per_axis).to(maps.device()).t().unsqueeze(0).unsqueeze(3);
  const at::Tensor places = queries.to(at::kFloat).unsqueeze(0);
  const auto sample = [&](const at::Tensor& half) {
    return sample_maps(half.expand({-1, -1, rows, columns}), places, Outside::kBorder).squeeze(0);
  };
  context.position =
      at::cat({sample(by_column), sample(by_row)}, 1).unsqueeze(1).to(normed.scalar_type());
  return context;
}

Tracker::State Tracker::begin(const Context& context) const {
  const at::Tensor& maps = context.pyramid.front();
  const at::Tensor features =
      sample_maps(maps.slice(0, 0, 1), context.start.unsqueeze(0), Outside::kBorder).squeeze(0);
  return {context.start.unsqueeze(1).repeat({1, maps.size(0), 1}),
          features.unsqueeze(1).repeat({1, maps.size(0), 1})};
}

Tracker::State Tracker::step(const Context& context, const State& state) const {
  const at::Tensor correlations =
      correlate(context.pyramid, state.features, state.coords, config.corr_radius);
  trace("corr", correlations);
  const at::Tensor corr = corr_mlp->forward(correlations);
  trace("corr_mlp", corr);
  const at::Tensor flow = state.coords - state.coords.slice(1, 0, 1);
  const at::Tensor scaled = flow / config.max_scale;
  const at::Tensor embedded = embed_flow(flow, config.features).to(flow.scalar_type());
  const at::Tensor reference =
      at::cat({query_ref_token.slice(1, 0, 1),
               query_ref_token.slice(1, 1, 2).expand({-1, flow.size(1) - 1, -1})},
              1);
  const at::Tensor input =
      at::cat({embedded, scaled, scaled, corr, state.features}, 2) + context.position + reference;
  trace("transformer_in", input.unsqueeze(0));
  const at::Tensor delta = updateformer->forward(input);
  trace("delta", delta.unsqueeze(0));
  const at::Tensor update =
      gelu_reusing(ffeat_updater_->forward(ffeat_norm->forward(delta.slice(2, 2))));
  trace("feat_update", update.flatten(0, 1));
  const at::Tensor moved = state.coords + delta.slice(2, 0, 2);
  return {at::cat({context.start.unsqueeze(1), moved.slice(1, 1)}, 1), state.features + update};
}

at::Tensor Tracker::visibility(const at::Tensor& features) const {
  return vis_predictor_->forward(features).squeeze(2).sigmoid();
}

at::Tensor Tracker::confidence(const at::Tensor& features) const {
  return conf_predictor_->forward(features).squeeze(2).sigmoid();
}

}  // namespace vggt::nn
