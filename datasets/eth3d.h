// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "datasets/dataset.h"

namespace vggt::datasets {

/// ETH3D, undistorted: <scene>/dslr_calibration_undistorted/ (a COLMAP model as text), or of the
/// low-resolution sets rig_calibration_undistorted/, and <scene>/images/. Depth is
/// <scene>/ground_truth_depth/dslr_images/*.JPG, which are float32 in spite of their names; it
/// belongs to the distorted photos, so dslr_calibration_jpg/ is needed with it.
/// Schoeps et al., "A Multi-view Stereo Benchmark", CVPR 2017.
Dataset load_eth3d(const LoadOptions& options);

/// COLMAP's THIN_PRISM_FISHEYE: fx fy cx cy k1 k2 p1 p2 k3 k4 sx1 sy1.
using FisheyeLens = std::array<double, 12>;

/// Where a photo with that lens shows what a camera without distortion sees at (x / z, y / z).
std::array<double, 2> distorted_px(const FisheyeLens& lens, double x, double y);

/// A depth map of the distorted photo, as the undistorted one has its pixels: each takes the
/// nearest value, 0 where there is none.
at::Tensor undistorted_depth(const at::Tensor& depth,
                             const FisheyeLens& lens,
                             const Camera& camera);

}  // namespace vggt::datasets
