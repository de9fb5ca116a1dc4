// SPDX-License-Identifier: Apache-2.0
#include "src/nn/track_head.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "src/base/device.h"
#include "src/base/error.h"
#include "src/base/trace.h"

namespace vggt::nn {

TrackHead::TrackHead(const ModelConfig& config) : config(*config.track_head) {
  feature_extractor = register_module(
      "feature_extractor", std::make_shared<DptHead>(this->config.feature_extractor, config));
  tracker = register_module("tracker", std::make_shared<Tracker>(this->config));
}

Tracks TrackHead::forward(const std::map<int64_t, at::Tensor>& layers,
                          const at::Tensor& query_points,
                          int64_t image_height,
                          int64_t image_width,
                          int64_t frames,
                          const ProgressCallback& progress,
                          StageProgress::Seconds* seconds,
                          const DptHostSide& host) const {
  const int64_t scenes = layers.begin()->second.size(0);
  const int64_t total_frames = scenes * layers.begin()->second.size(1);
  const auto stride = static_cast<double>(config.stride);
  const int64_t shorter = std::min(image_height, image_width) / config.stride;
  if (shorter >> (config.corr_levels - 1) == 0) {
    throw ConfigError("query_points",
                      "tracking needs frames of at least " +
                          std::to_string(config.stride << (config.corr_levels - 1)) +
                          " px on the shorter side, not " +
                          std::to_string(std::min(image_height, image_width)));
  }
  at::Tensor maps;
  {
    StageProgress stage("track features", total_frames, progress, seconds);
    const TraceScope scope("track_feat");
    maps = feature_extractor->features(layers, image_height, image_width, frames, stage, host);
  }

  StageProgress stage("tracker", scenes * config.iters, progress, seconds);
  const TraceScope scope("track");
  trace("fmaps", maps);
  std::vector<std::vector<at::Tensor>> coords(static_cast<size_t>(config.iters));
  std::vector<at::Tensor> visibility;
  std::vector<at::Tensor> confidence;
  for (int64_t b = 0; b < scenes; ++b) {
    const Tracker::Context context = tracker->prepare(maps[b], query_points[b] / stride);
    Tracker::State state = tracker->begin(context);
    for (auto& of_iteration : coords) {
      const TraceScope iteration("iter", &of_iteration - coords.data());
      state = tracker->step(context, state);
      of_iteration.push_back(state.coords.transpose(0, 1) * stride);
      synchronize(maps.device());
      stage.advance();
    }
    trace("final_feats", state.features.transpose(0, 1).flatten(0, 1));
    visibility.push_back(tracker->visibility(state.features).transpose(0, 1));
    confidence.push_back(tracker->confidence(state.features).transpose(0, 1));
  }
  Tracks tracks;
  for (const auto& of_iteration : coords) tracks.coords.push_back(at::stack(of_iteration));
  tracks.visibility = at::stack(visibility);
  tracks.confidence = at::stack(confidence);
  return tracks;
}

}  // namespace vggt::nn
