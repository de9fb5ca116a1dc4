// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <opencv2/core.hpp>

#include "src/pipeline/reconstruction.h"

namespace vggt {

// What the preview's parts share; OpenCV's BGR order.
inline const cv::Scalar kBackground(30, 26, 24);
inline const cv::Scalar kBright(240, 240, 240);
inline const cv::Scalar kDim(176, 172, 168);

/// `at` is the left end of the base line; `size` 1 makes capitals of about 22 px.
void draw_text(
    cv::Mat& canvas, cv::Point at, const std::string& text, double size, const cv::Scalar& colour);
/// OpenCV's font has ASCII alone: any other character becomes one question mark.
std::string ascii(const std::string& text);
int text_width(const std::string& text, double size);

/// The colour of camera `index` of `count`: a walk through the hues, so that neighbours look alike.
cv::Scalar camera_colour(int64_t index, int64_t count);

/// A unit vector of the world that is up for whoever took the photos: across the x axes of all
/// cameras, where these differ enough to tell, else the mean of the cameras' up directions.
cv::Vec3d scene_up(const Reconstruction& reconstruction);

/// Draws points and cameras into two pictures of one size at one scale: from above, the mean
/// viewing direction up, and from the side, the mean viewing direction to the right. Orthographic.
void draw_scene(const Reconstruction& reconstruction, cv::Mat& from_above, cv::Mat& from_side);

}  // namespace vggt
