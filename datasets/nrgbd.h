// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/dataset.h"

namespace vggt::datasets {

/// Neural RGB-D: <scene>/{images/img0.png, depth/depth0.png, poses.txt, focal.txt}. Frames whose
/// pose is not finite are left out.
/// Azinovic et al., "Neural RGB-D Surface Reconstruction", CVPR 2022.
Dataset load_nrgbd(const LoadOptions& options);

}  // namespace vggt::datasets
