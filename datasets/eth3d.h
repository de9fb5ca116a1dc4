// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/dataset.h"

namespace vggt::datasets {

/// ETH3D, high resolution, undistorted: <scene>/dslr_calibration_undistorted/ (a COLMAP model as
/// text) and <scene>/images/. Its depth maps belong to the distorted photos and are not read.
/// Schoeps et al., "A Multi-view Stereo Benchmark", CVPR 2017.
Dataset load_eth3d(const LoadOptions& options);

}  // namespace vggt::datasets
