// SPDX-License-Identifier: Apache-2.0
#include "src/models/vggt.h"

#include <ATen/ATen.h>

#include <sstream>

#include "src/base/device.h"
#include "src/base/error.h"
#include "src/base/trace.h"

namespace vggt {
namespace {

const ModelConfig& validated(const ModelConfig& config) {
  config.validate();
  return config;
}

void check_images(const at::Tensor& images, int64_t patch_size) {
  const bool fits = images.dim() == 5 && images.size(0) > 0 && images.size(1) > 0 &&
                    images.size(2) == 3 && images.size(3) > 0 && images.size(4) > 0 &&
                    images.size(3) % patch_size == 0 && images.size(4) % patch_size == 0;
  if (fits) return;
  std::ostringstream message;
  message << "must be [B, S, 3, H, W] with H and W multiples of " << patch_size << ", got "
          << images.sizes();
  throw ConfigError("images", message.str());
}

void check_queries(const at::Tensor& queries, const at::Tensor& images) {
  if (queries.dim() == 3 && queries.size(0) == images.size(0) && queries.size(1) > 0 &&
      queries.size(2) == 2) {
    return;
  }
  std::ostringstream message;
  message << "must be [B, N, 2] with B = " << images.size(0) << " and N > 0, got "
          << queries.sizes();
  throw ConfigError("query_points", message.str());
}

}  // namespace

Vggt::Vggt(const ModelConfig& config) : config(validated(config)) {
  aggregator = register_module("aggregator", std::make_shared<nn::Aggregator>(config));
  if (config.camera_head) {
    camera_head = register_module("camera_head", std::make_shared<nn::CameraHead>(config));
  }
  if (config.depth_head) {
    depth_head =
        register_module("depth_head", std::make_shared<nn::DptHead>(*config.depth_head, config));
  }
  if (config.point_head) {
    point_head =
        register_module("point_head", std::make_shared<nn::DptHead>(*config.point_head, config));
  }
  if (config.track_head) {
    track_head = register_module("track_head", std::make_shared<nn::TrackHead>(config));
  }
}

Predictions Vggt::forward(const at::Tensor& images, const ForwardOptions& options) const {
  check_images(images, config.patch_size);
  if (options.query_points) {
    check_queries(*options.query_points, images);
    if (!track_head) throw ConfigError("query_points", "this model has no track head");
  }
  const at::Device device = aggregator->device();
  const int64_t height = images.size(3);
  const int64_t width = images.size(4);
  const int64_t all_frames = images.size(0) * images.size(1);
  const auto frames_at_a_time = [&](const DptConfig& head) {
    if (options.head_frames > 0) return options.head_frames;
    return device.is_cuda() ? head.frames_chunk_size : 1;
  };
  HostCopies copies(device, options.copies);
  const nn::DptHostSide host = {.layers = options.layers_on_host ? &copies : nullptr,
                                .maps = options.maps_on_host ? &copies : nullptr};

  const nn::AggregatedTokens tokens = aggregator->forward(
      images, options.progress, options.seconds, options.merge, options.merge_report, host.layers);
  Predictions result;
  if (camera_head) {
    StageProgress stage("camera head", 1, options.progress, options.seconds);
    const TraceScope scope("camera");
    result.pose_encodings = camera_head->forward(tokens.camera);
    synchronize(device);
    stage.advance();
  }
  if (depth_head) {
    StageProgress stage("depth head", all_frames, options.progress, options.seconds);
    const TraceScope scope("depth");
    const nn::DenseMap map = depth_head->forward(
        tokens.layers, height, width, frames_at_a_time(depth_head->head), stage, host);
    result.depth = map.values;
    result.depth_confidence = map.confidence;
  }
  if (point_head) {
    StageProgress stage("point head", all_frames, options.progress, options.seconds);
    const TraceScope scope("point");
    const nn::DenseMap map = point_head->forward(
        tokens.layers, height, width, frames_at_a_time(point_head->head), stage, host);
    result.world_points = map.values;
    result.world_points_confidence = map.confidence;
  }
  if (options.query_points) {
    result.tracks = track_head->forward(tokens.layers,
                                        options.query_points->to(tokens.camera.options()),
                                        height,
                                        width,
                                        frames_at_a_time(track_head->config.feature_extractor),
                                        options.progress,
                                        options.seconds,
                                        host);
  }
  return result;
}

}  // namespace vggt
