// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <map>

#include "src/base/host_copies.h"
#include "src/base/progress.h"
#include "src/models/config.h"
#include "src/nn/layers.h"

namespace vggt::nn {

/// Residual unit of the fusion. Its skip connection carries the rectified input, because the
/// original's ReLU works in place: r = ReLU(x), r + conv2(ReLU(conv1(r))).
struct ResidualConvUnit : torch::nn::Module {
  explicit ResidualConvUnit(int64_t features);
  at::Tensor forward(const at::Tensor& x) const;
  std::shared_ptr<Conv2d> conv1, conv2;
};

/// One step of the fusion, from coarse to fine.
struct FeatureFusion : torch::nn::Module {
  /// The coarsest step has no level below it and so no first unit.
  FeatureFusion(int64_t features, bool has_first_unit);
  /// path [N, F, h, w] from the coarser step (undefined in the coarsest), level of the same size.
  /// Returns [N, F, rows, columns].
  at::Tensor forward(const at::Tensor& path,
                     const at::Tensor& level,
                     int64_t rows,
                     int64_t columns) const;
  std::shared_ptr<ResidualConvUnit> resConfUnit1, resConfUnit2;
  std::shared_ptr<Conv2d> out_conv;
};

/// The values of a dense head.
struct DenseMap {
  at::Tensor values;      ///< [B, S, H, W, output_dim - 1]
  at::Tensor confidence;  ///< [B, S, H, W], above 1
};

/// Where what a dense head reads and makes lies, if not on its device; null: there.
struct DptHostSide {
  HostCopies* layers = nullptr;  ///< brings the layers' tokens, a chunk of frames at a time
  HostCopies* maps = nullptr;    ///< takes the maps
};

/// The two halves of the sine-cosine position embedding that the heads add, times 0.1: the first
/// `channels` / 2 channels depend on the column only, [channels / 2, columns], the others on the
/// row only, [channels / 2, rows]. Computed in double, returned in float32. `aspect` is image width
/// / height.
struct DptPositionEmbedding {
  at::Tensor by_column;
  at::Tensor by_row;
};
DptPositionEmbedding dpt_position_embedding(int64_t channels,
                                            int64_t rows,
                                            int64_t columns,
                                            double aspect);

/// The embeddings that a head adds to each chunk of frames of one size, made for the first.
class DptPositions {
 public:
  explicit DptPositions(double aspect) : aspect_(aspect) {}
  /// `options`: dtype and device, the same at all times.
  const DptPositionEmbedding& of(int64_t channels,
                                 int64_t rows,
                                 int64_t columns,
                                 const at::TensorOptions& options);

 private:
  double aspect_;
  std::map<std::array<int64_t, 3>, DptPositionEmbedding> made_;
};

/// From tokens of four layers to a map at pixel resolution: depth, points, or features for the
/// tracker. Ranftl et al., "Vision Transformers for Dense Prediction", ICCV 2021.
/// Tokens in half precision go through FastDptHead where the CPU has our convolution.
struct DptHead : torch::nn::Module {
  DptHead(const DptConfig& head, const ModelConfig& config);

  /// layers   pairs -> [B, S, P, 2 C]
  /// image    size of the network input, H and W
  /// frames   how many to process at a time: bounds the memory, changes nothing else
  /// Features at 1 / down_ratio of the image: [B, S, F, H / down_ratio, W / down_ratio], on the
  /// device.
  at::Tensor features(const std::map<int64_t, at::Tensor>& layers,
                      int64_t image_height,
                      int64_t image_width,
                      int64_t frames,
                      StageProgress& progress,
                      const DptHostSide& host = {}) const;
  /// Not for a feature extractor. With host.maps the maps lie in the host's memory.
  DenseMap forward(const std::map<int64_t, at::Tensor>& layers,
                   int64_t image_height,
                   int64_t image_width,
                   int64_t frames,
                   StageProgress& progress,
                   const DptHostSide& host = {}) const;

  DptConfig head;
  int64_t patch_size;
  int64_t special_tokens;
  std::shared_ptr<LayerNorm> norm;

 private:
  friend class FastDptHead;
  // One chunk of frames [N, P, 2 C] per level; the map before output_conv2, or the logits.
  at::Tensor fuse(const std::vector<at::Tensor>& tokens,
                  int64_t image_height,
                  int64_t image_width,
                  DptPositions& positions) const;
  // Calls take(first frame, map) for each chunk, of all scenes one after the other.
  void run(const std::map<int64_t, at::Tensor>& layers,
           int64_t image_height,
           int64_t image_width,
           int64_t frames,
           StageProgress& progress,
           HostCopies* copies,
           const std::function<void(int64_t, const at::Tensor&)>& take) const;

  std::vector<std::shared_ptr<Conv2d>> projects_;
  std::shared_ptr<ConvTranspose2d> upsample4_, upsample2_;
  std::shared_ptr<Conv2d> downsample2_;
  std::vector<std::shared_ptr<Conv2d>> layer_rn_;
  std::vector<std::shared_ptr<FeatureFusion>> refine_;
  std::shared_ptr<Conv2d> output_conv1_, output_conv2_first_, output_conv2_second_;
};

/// logits [N, K, H, W] -> values [N, H, W, K - 1] and confidence [N, H, W].
DenseMap activate_dense(const at::Tensor& logits, DptActivation activation);

}  // namespace vggt::nn
