// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "src/base/progress.h"
#include "src/models/config.h"
#include "src/nn/aggregator.h"
#include "src/nn/camera_head.h"
#include "src/nn/dpt_head.h"
#include "src/nn/track_head.h"

namespace vggt {

/// What the network says. Tensors of heads that were left out or not asked for are undefined.
/// World = the first camera's frame; the scale is arbitrary. Network pixels, S frames of H x W.
struct Predictions {
  std::vector<at::Tensor>
      pose_encodings;                  ///< after each iteration [B, S, 9]; the last is the result
  at::Tensor depth;                    ///< [B, S, H, W, 1], along the optical axis
  at::Tensor depth_confidence;         ///< [B, S, H, W], above 1
  at::Tensor world_points;             ///< [B, S, H, W, 3]
  at::Tensor world_points_confidence;  ///< [B, S, H, W], above 1
  nn::Tracks tracks;                   ///< only with query points
};

struct ForwardOptions {
  /// [B, N, 2] (x, y) px in frame 0; nothing is tracked without.
  std::optional<at::Tensor> query_points;
  /// How many frames a dense head takes at a time; 0: the config's on a GPU, 1 on a CPU, where more
  /// only costs memory. The result is the same.
  int64_t head_frames = 0;
  accel::MergeOptions merge;                   ///< of tokens, in attention over all frames
  accel::MergeReport* merge_report = nullptr;  ///< what that did is added to it if given
  /// Moves the layers that the dense heads read to the host's memory as they are made; the heads
  /// fetch the frames at hand. Less memory of a GPU for more of the host; the result is the same.
  bool layers_on_host = false;
  bool maps_on_host = false;    ///< depth, points and their confidence, fetched as they are made
  CopyCount* copies = nullptr;  ///< what these two copied is added to it if given
  ProgressCallback progress;
  StageProgress::Seconds* seconds = nullptr;  ///< filled with the stages' times if given
};

/// VGGT: cameras, depth, points and tracks from a set of images in one pass.
/// Parameter names are the checkpoint's. A fresh model holds placeholders (NaN) until the loader
/// fills it (weights/load.h).
struct Vggt : torch::nn::Module {
  /// Throws ConfigError if the config is not valid.
  explicit Vggt(const ModelConfig& config);

  /// images [B, S, 3, H, W] in [0, 1], on the model's device or in the host's memory, from where
  /// the encoder fetches them in chunks; H and W multiples of the patch size.
  /// Throws ConfigError for other images or merge settings that are wrong, Cancelled if the progress callback says so.
  Predictions forward(const at::Tensor& images, const ForwardOptions& options = {}) const;

  ModelConfig config;
  std::shared_ptr<nn::Aggregator> aggregator;
  std::shared_ptr<nn::CameraHead> camera_head;  ///< heads are null where the config has none
  std::shared_ptr<nn::DptHead> depth_head, point_head;
  std::shared_ptr<nn::TrackHead> track_head;
};

}  // namespace vggt
