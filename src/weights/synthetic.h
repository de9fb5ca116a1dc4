// SPDX-License-Identifier: Apache-2.0
// Weights and images by a fixed rule instead of training and photos: they fill a model of any size
// without a file, so that speed can be measured and implementations compared. What such a model
// predicts means nothing.
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace vggt {

/// One parameter, float32 on the CPU: a counter-based random number (FNV-1a of the key, splitmix64)
/// in [-1, 1) per element, times a scale that keeps activations in range for its kind of layer.
at::Tensor synthetic_parameter(const std::string& key, at::IntArrayRef shape, uint64_t seed);

/// [1, S, 3, H, W] float32 in [0, 1]: a pattern of 16 px blocks that moves from frame to frame,
/// under noise. Fewer frames are a prefix of more.
at::Tensor synthetic_images(int64_t frames, int64_t height, int64_t width, uint64_t seed);

}  // namespace vggt
