// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/dataset.h"

namespace vggt::datasets {

/// ScanNet, <scene>/<scene>.sens, or as its SensReader exports that: <scene>/{color/0.jpg,
/// pose/0.txt, depth/0.png, intrinsic/}. The scan is <scene>/<scene>_vh_clean_2.ply. Frames whose pose is not finite are left out. Of more than 50 scenes every
/// floor(count / 50)-th is taken, 50 in all (ScanNet-50), unless split is "all".
/// Dai et al., "ScanNet", CVPR 2017.
Dataset load_scannet(const LoadOptions& options);

}  // namespace vggt::datasets
