// SPDX-License-Identifier: Apache-2.0
#include "src/image/colouring.h"

#include "src/base/percentile.h"

#include <ATen/ATen.h>

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace vggt {
namespace {

// Position in the colour map, 0..255. Depth is taken as a logarithm: a far background would else
// leave all that is near one colour.
uint8_t level(float value, const ValueRange& range, ColourScale scale) {
  const bool depth = scale == ColourScale::kDepth;
  const auto height = [depth](float v) { return depth ? -std::log(v) : v; };
  const float low = height(depth ? range.high : range.low);
  const float high = height(depth ? range.low : range.high);
  const float share =
      high > low ? std::clamp((height(value) - low) / (high - low), 0.0f, 1.0f) : 0.5f;
  return static_cast<uint8_t>(std::lround(255 * share));
}

}  // namespace

ValueRange robust_range(const at::Tensor& values, ColourScale scale) {
  const bool positive_only = scale == ColourScale::kDepth;
  const at::Tensor flat = values.contiguous();
  const float* data = flat.const_data_ptr<float>();
  constexpr int64_t kSamples = 200000;  // enough for a percentile
  const int64_t step = std::max<int64_t>(1, flat.numel() / kSamples);
  std::vector<float> kept;
  for (int64_t i = 0; i < flat.numel(); i += step) {
    if (std::isfinite(data[i]) && (!positive_only || data[i] > 0)) kept.push_back(data[i]);
  }
  if (kept.empty()) return {};
  return {percentile(kept, 2), percentile(kept, 98)};
}

cv::Mat colour_map(const cv::Mat& levels, ColourScale scale) {
  cv::Mat coloured;
  cv::applyColorMap(
      levels, coloured, scale == ColourScale::kDepth ? cv::COLORMAP_TURBO : cv::COLORMAP_VIRIDIS);
  return coloured;
}

cv::Mat coloured(const at::Tensor& values, const ValueRange& range, ColourScale scale) {
  const at::Tensor plane = values.contiguous();
  const float* data = plane.const_data_ptr<float>();
  cv::Mat levels(static_cast<int>(plane.size(0)), static_cast<int>(plane.size(1)), CV_8U);
  cv::Mat invalid(levels.size(), CV_8U, cv::Scalar(0));
  for (int y = 0; y < levels.rows; ++y) {
    for (int x = 0; x < levels.cols; ++x) {
      const float value = data[static_cast<int64_t>(y) * levels.cols + x];
      const bool valid = std::isfinite(value) && (scale == ColourScale::kConfidence || value > 0);
      levels.at<uint8_t>(y, x) = valid ? level(value, range, scale) : 0;
      invalid.at<uint8_t>(y, x) = valid ? 0 : 255;
    }
  }
  cv::Mat picture = colour_map(levels, scale);
  picture.setTo(cv::Scalar(72, 72, 72), invalid);
  return picture;
}

cv::Mat bgr_picture(const at::Tensor& image) {
  const at::Tensor planes = image.contiguous();
  const float* data = planes.const_data_ptr<float>();
  cv::Mat picture(static_cast<int>(planes.size(1)), static_cast<int>(planes.size(2)), CV_8UC3);
  const auto area = static_cast<int64_t>(picture.total());
  // A plain loop: for pictures as small as these ATen's threads take longer to meet than to work.
  uint8_t* bgr = picture.data;
  for (int64_t i = 0; i < area; ++i) {
    for (const int64_t channel : {2, 1, 0}) {
      const float value = data[channel * area + i];
      *bgr++ = std::isnan(value)
                   ? 0
                   : static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0.0f, 1.0f)));
    }
  }
  return picture;
}

}  // namespace vggt
