// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <opencv2/core.hpp>

namespace vggt {

/// What is coloured: depth with near = warm, confidence with high = bright.
enum class ColourScale { kDepth, kConfidence };

/// The values that the two ends of a colour map stand for.
struct ValueRange {
  float low = 0;
  float high = 0;
};

/// The 2nd and 98th percentile: a few wild values must not flatten the rest. Values that are not
/// finite, and depth that is not positive, do not count. Float, any shape.
ValueRange robust_range(const at::Tensor& values, ColourScale scale);

/// Levels 0..255 (CV_8U) in the colours of that scale, BGR.
cv::Mat colour_map(const cv::Mat& levels, ColourScale scale);

/// Float [H, W] in colour, BGR; what is not finite, and depth that is not positive, in grey.
cv::Mat coloured(const at::Tensor& values, const ValueRange& range, ColourScale scale);

/// Float [3, H, W] in [0, 1], RGB, as a BGR picture.
cv::Mat bgr_picture(const at::Tensor& image);

}  // namespace vggt
