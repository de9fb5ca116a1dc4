// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/dataset.h"

namespace vggt::datasets {

/// KITTI odometry: sequences/00/{image_2/ or image_0/, calib.txt} and poses/00.txt, sequences 00 to
/// 10. Poses are those of the left grey camera; for the colour one they are moved by the calibrated
/// offset. Geiger et al., "Are we ready for Autonomous Driving?", CVPR 2012.
Dataset load_kitti(const LoadOptions& options);

}  // namespace vggt::datasets
