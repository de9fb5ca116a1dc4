// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "datasets/dataset.h"
#include "src/geometry/observed_volume.h"

namespace vggt::datasets {

/// DTU as MVSNet prepared it: scanN/{images/00000000.jpg, cams/00000000_cam.txt,
/// depths/00000000.npy}, or Cameras/00000000_cam.txt with Rectified/scanN/rect_001_3_r5000.png and
/// Depths/scanN/depth_map_0000.pfm; depth counts inside scanN/binary_masks/00000000.png, 10 x 10
/// eroded, where there is one. Or as NeuS and IDR have it: scanN/{image/, cameras_sphere.npz}, no
/// depth. The structured-light scans are compared with where Points/stl/stl001_total.ply and
/// ObsMask/{ObsMask1_10,Plane1}.mat are beside them. Units are millimetres. split is "test" (the 22 scans that papers score; all that are in
/// NeuS's form) or "all".
/// Jensen et al., "Large Scale Multi-view Stereopsis Evaluation", CVPR 2014.
Dataset load_dtu(const LoadOptions& options);

/// What DTU's scanner saw, of the two MATLAB files of a scan: ObsMask, BB and Res, and P. Throws
/// IoError naming the file and what it lacks.
ObservedVolume read_observed(const ScanFile& scan);

/// K, R and t of a projection K [R | t], row-major 3 x 4 and of any scale and sign: an RQ
/// decomposition. Sizes stay 0. Not finite if the left 3 x 3 is singular.
Camera camera_from_projection(std::array<double, 12> projection);

}  // namespace vggt::datasets
