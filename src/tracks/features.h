// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace vggt::tracks {

/// A picture's grey levels, row by row, and which pixels count.
struct GreyPicture {
  int64_t width_px = 0;
  int64_t height_px = 0;
  std::vector<uint8_t> values;
  std::vector<uint8_t> mask;  ///< 0 where nothing is to be found; empty: all pixels count
};

struct Keypoint {
  double x_px = 0;  ///< origin at the picture's top-left corner: a pixel's centre is at a half
  double y_px = 0;
};

constexpr int kDescriptorSize = 128;

/// Places in a picture that are found again in others, and what each looks like.
struct Features {
  std::vector<Keypoint> keypoints;
  /// [N, kDescriptorSize]: roots of SIFT's shares times 512, so that the squares of each sum to
  /// about 512^2.
  /// Arandjelovic and Zisserman, "Three things everyone should know to improve object retrieval",
  /// CVPR 2012.
  std::vector<uint8_t> descriptors;

  int64_t size() const { return static_cast<int64_t>(keypoints.size()); }
};

struct SiftOptions {
  int max_features = 4096;  ///< those of strongest contrast
  double contrast = 0.02;   ///< OpenCV's threshold; half its default: weak places, too
};

/// Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004, as OpenCV has it,
/// with its shift of a quarter of a pixel put right. Same features on each call. A keypoint with
/// several orientations comes once for each.
Features detect_sift(const GreyPicture& picture, const SiftOptions& options = {});

}  // namespace vggt::tracks
