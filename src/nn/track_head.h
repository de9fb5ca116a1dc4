// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/nn/dpt_head.h"
#include "src/nn/tracker.h"

namespace vggt::nn {

struct Tracks {
  std::vector<at::Tensor>
      coords;             ///< after each iteration [B, S, N, 2], (x, y) in px of the network input
  at::Tensor visibility;  ///< [B, S, N], in (0, 1)
  at::Tensor confidence;  ///< [B, S, N], in (0, 1)
};

/// Follows points of frame 0 through all frames: dense features, then the tracker.
struct TrackHead : torch::nn::Module {
  explicit TrackHead(const ModelConfig& config);

  /// layers as in DptHead; query_points [B, N, 2] (x, y) in px of frame 0's network input.
  /// Throws ConfigError if the image is too small for the correlation pyramid.
  Tracks forward(const std::map<int64_t, at::Tensor>& layers,
                 const at::Tensor& query_points,
                 int64_t image_height,
                 int64_t image_width,
                 int64_t frames,
                 const ProgressCallback& progress,
                 StageProgress::Seconds* seconds,
                 const DptHostSide& host = {}) const;

  TrackHeadConfig config;
  std::shared_ptr<DptHead> feature_extractor;
  std::shared_ptr<Tracker> tracker;
};

}  // namespace vggt::nn
