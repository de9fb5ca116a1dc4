// SPDX-License-Identifier: Apache-2.0
// The losses of Wang et al., "VGGT: Visual Geometry Grounded Transformer", CVPR 2025. Scalars.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace vggt::train {

struct CameraLossOptions {
  double decay = 0.6;      ///< an iteration counts this much of the next one
  double huber = 0.01;     ///< quadratic below, linear above
  double translation = 1;  ///< weights of the parts
  double rotation = 1;
  double field_of_view = 0.5;
};

/// Huber loss of each iteration's pose encoding, the last one counting fully.
/// iterations  [B, S, 9] each
/// truth       [B, S, 9]
at::Tensor camera_loss(const std::vector<at::Tensor>& iterations,
                       const at::Tensor& truth,
                       const CameraLossOptions& options = {});

struct DenseLoss {
  at::Tensor value;     ///< confidence * error - reward * log(confidence), over valid pixels
  at::Tensor gradient;  ///< confidence * error of the differences to the right and below
};

/// Of depth or points, with the uncertainty that the confidence states (Kendall and Cipolla,
/// "Geometric loss functions for camera pose regression", CVPR 2017; Novotny et al., "Learning 3D
/// object categories by looking around them", ICCV 2017). A pixel's error is the norm over
/// channels, divided by the root of `distance`: far things would else outweigh near ones.
/// prediction, truth    [B, S, H, W, C]
/// confidence           [B, S, H, W], at least 1
/// distance             [B, S, H, W], above 0 where valid
/// valid                [B, S, H, W] bool; 0 where none is
/// reward               above 0. The best confidence of an error is reward / error, but at least 1:
///                      a model whose errors are mostly larger than it says 1 everywhere.
DenseLoss dense_loss(const at::Tensor& prediction,
                     const at::Tensor& confidence,
                     const at::Tensor& truth,
                     const at::Tensor& distance,
                     const at::Tensor& valid,
                     double reward = 0.2);

struct TrackLossOptions {
  double decay = 0.8;
};

/// L1 distance of each iteration's tracks where the point is visible, and the cross-entropy of the
/// visibility.
/// iterations  [B, S, N, 2] px each
/// visibility  [B, S, N] in (0, 1)
/// truth       [B, S, N, 2] px
/// visible     [B, S, N] bool
at::Tensor track_loss(const std::vector<at::Tensor>& iterations,
                      const at::Tensor& visibility,
                      const at::Tensor& truth,
                      const at::Tensor& visible,
                      const TrackLossOptions& options = {});

}  // namespace vggt::train
