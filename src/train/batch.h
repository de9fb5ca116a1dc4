// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/geometry/pose_encoding.h"
#include "src/synthetic/sample.h"

namespace vggt::train {

/// What a step learns from: B scenes of S frames. World = frame 0's camera; lengths are divided by
/// the mean distance of the scene's visible points from it, as VGGT's training does.
struct Batch {
  at::Tensor images;      ///< [B, S, 3, H, W] float in [0, 1]
  at::Tensor depth;       ///< [B, S, H, W] float; 0: none
  at::Tensor pose;        ///< [B, S, 9] float, as encode_pose() makes them
  CameraMatrices camera;  ///< [B, S, 3, 4] and [B, S, 3, 3] float
  at::Tensor tracks;      ///< [B, S, N, 2] float, (x, y) px of points seen in frame 0; or undefined
  at::Tensor visible;     ///< [B, S, N] bool

  int64_t frames() const { return images.size(1); }
  Batch to(at::Device device) const;

  /// Calls `visit` for each tensor that is there.
  template <class Visitor>
  void each(const Visitor& visit) const {
    for (const at::Tensor* tensor :
         {&images, &depth, &pose, &camera.extrinsics, &camera.intrinsics, &tracks, &visible}) {
      if (tensor->defined()) visit(*tensor);
    }
  }
};

/// Scenes of equal size and frame count, with or without tracks, on one device, where the batch is,
/// too. `seed` decides the pictures' exposure, noise and the like: one render serves several times.
Batch make_batch(const std::vector<synthetic::Sample>& scenes, uint64_t seed);

}  // namespace vggt::train
