// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/features.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <opencv2/core.hpp>
#include <opencv2/features2d.hpp>

namespace vggt::tracks {
namespace {

// OpenCV doubles the picture first, with corners on corners, and halves the places found there as
// if centres lay on centres: they are a quarter of a pixel too far right and down. Its (0, 0) is
// the centre of the first pixel, ours its corner.
constexpr double kOursFromOpenCv_px = 0.5 - 0.25;

}  // namespace

Features detect_sift(const GreyPicture& picture, const SiftOptions& options) {
  Features features;
  constexpr int64_t kLeast_px = 16;  // a keypoint's surroundings
  if (picture.width_px < kLeast_px || picture.height_px < kLeast_px) return features;
  const cv::Mat image(static_cast<int>(picture.height_px),
                      static_cast<int>(picture.width_px),
                      CV_8U,
                      const_cast<uint8_t*>(picture.values.data()));
  cv::Mat mask;
  if (!picture.mask.empty()) {
    mask = cv::Mat(image.size(), CV_8U, const_cast<uint8_t*>(picture.mask.data()));
  }
  std::vector<cv::KeyPoint> found;
  cv::Mat descriptors;
  cv::SIFT::create(0, 3, options.contrast)->detectAndCompute(image, mask, found, descriptors);

  std::vector<size_t> order(found.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto stronger = [&](size_t a, size_t b) {
    if (found[a].response != found[b].response) return found[a].response > found[b].response;
    return a < b;
  };
  std::sort(order.begin(), order.end(), stronger);
  order.resize(std::min(order.size(), static_cast<size_t>(options.max_features)));
  for (const size_t i : order) {
    features.keypoints.push_back(
        {found[i].pt.x + kOursFromOpenCv_px, found[i].pt.y + kOursFromOpenCv_px});
    const float* const values = descriptors.ptr<float>(static_cast<int>(i));
    const double sum = std::max(1e-9F, std::accumulate(values, values + kDescriptorSize, 0.0F));
    for (int k = 0; k < kDescriptorSize; ++k) {
      const double root = std::lround(512 * std::sqrt(values[k] / sum));
      features.descriptors.push_back(static_cast<uint8_t>(std::min(root, 255.0)));
    }
  }
  return features;
}

}  // namespace vggt::tracks
