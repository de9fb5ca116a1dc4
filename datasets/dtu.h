// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/dataset.h"

namespace vggt::datasets {

/// DTU as MVSNet prepared it: scanN/{images/00000000.jpg, cams/00000000_cam.txt,
/// depths/00000000.npy}, or Cameras/00000000_cam.txt with Rectified/scanN/rect_001_3_r5000.png and
/// Depths/scanN/depth_map_0000.pfm. Units are millimetres. split is "test" (the 22 scans that
/// papers score) or "all".
/// Jensen et al., "Large Scale Multi-view Stereopsis Evaluation", CVPR 2014.
Dataset load_dtu(const LoadOptions& options);

}  // namespace vggt::datasets
