// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "src/accel/merge_options.h"
#include "src/base/host_copies.h"
#include "src/base/progress.h"
#include "src/models/config.h"
#include "src/nn/vision_transformer.h"

namespace vggt::nn {

/// What the heads read. P tokens per frame: camera, registers, then the patches, row by row.
struct AggregatedTokens {
  std::map<int64_t, at::Tensor>
      layers;         ///< kept pairs -> [B, S, P, 2 C]: frame half first, then global half
  at::Tensor camera;  ///< [B, S, 2 C], camera tokens of the last pair, never half precision
};

/// The alternating-attention transformer: encoder, then pairs of a block within each frame and a
/// block over all frames of a scene. Frame 0 differs from the others only by its camera and
/// register tokens. Wang et al., "VGGT: Visual Geometry Grounded Transformer", CVPR 2025,
/// section 3.2.
struct Aggregator : torch::nn::Module {
  explicit Aggregator(const ModelConfig& config);

  /// images [B, S, 3, H, W] in [0, 1]; H and W multiples of the patch size. They may lie in the
  /// host's memory: the encoder fetches a chunk at a time, the next one beside its work.
  /// Only the pairs that `config.kept_layers()` names are kept, in the dtype of the matrices; with
  /// `to_host` they are moved to the host's memory as they are made.
  /// `merge`: how the blocks over all frames are shortened; what that did is added to
  /// `merge_report`, if given. Throws ConfigError if a setting is wrong.
  AggregatedTokens forward(const at::Tensor& images,
                           const ProgressCallback& progress,
                           StageProgress::Seconds* seconds,
                           const accel::MergeOptions& merge = {},
                           accel::MergeReport* merge_report = nullptr,
                           HostCopies* to_host = nullptr) const;

  /// The encoder alone: images [N, 3, H, W] in [0, 1] to the tokens of their patches, [N, n, C].
  at::Tensor encode(const at::Tensor& images,
                    const ProgressCallback& progress,
                    StageProgress::Seconds* seconds) const;

  /// How many tokens pass a layer at a time: few enough to bound the memory, enough to keep the
  /// device busy.
  static int64_t tokens_at_a_time(at::Device device);

  /// The rest of forward(): `patches` are the tokens that encode() made of all frames, let go of
  /// once they are in the residual stream. Not for auto, and methods that begin within the encoder.
  AggregatedTokens aggregate(const at::Tensor& images,
                             at::Tensor patches,
                             const ProgressCallback& progress,
                             StageProgress::Seconds* seconds,
                             const accel::MergeOptions& merge = {},
                             accel::MergeReport* merge_report = nullptr,
                             HostCopies* to_host = nullptr) const;

  /// What enters the first block, [B S, P, C]: the camera and register tokens of each frame and its
  /// `patches`, the tokens that encode() made.
  at::Tensor residual_stream(const at::Tensor& patches, int64_t scenes, int64_t frames) const;

  /// With the mean and the deviation of ImageNet's colours taken out, in the model's dtype, on its
  /// device.
  at::Tensor normalized(const at::Tensor& images) const;

  at::Device device() const { return camera_token.device(); }

  /// [1, P, 2] int64: (row + 1, column + 1) of each patch, (0, 0) for the special tokens.
  at::Tensor positions(int64_t rows, int64_t columns, at::Device device) const;

  ModelConfig config;
  at::Tensor camera_token;    ///< [1, 2, 1, C]: entry 0 for frame 0, entry 1 for the others
  at::Tensor register_token;  ///< [1, 2, R, C]
  std::shared_ptr<VisionTransformer> patch_embed;
  std::vector<std::shared_ptr<Block>> frame_blocks, global_blocks;
};

}  // namespace vggt::nn
