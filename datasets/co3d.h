// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "src/geometry/rigid.h"

namespace vggt::datasets {

/// CO3Dv2, the 41 categories that published scores are means of, in their order.
/// Reizenstein et al., "Common Objects in 3D", ICCV 2021.
///
/// Read is <category>/{frame_annotations.jgz, sequence_annotations.jgz,
/// set_lists/set_lists_fewview_dev.json}, or, if there, <category>_<split>.jgz as VGGT's and
/// PoseDiffusion's scripts make it: with R and T of PyTorch3D or with OpenCV's extri. Sequences
/// have the names "<category>/<name>", sorted byte by byte; of a list those count whose
/// viewpoint_quality_score is above 0.5. split is "test" or "train".
Dataset load_co3d(const LoadOptions& options);

const std::vector<std::string>& co3d_categories();

/// cam_from_world in OpenCV's axes of PyTorch3D's row-vector convention with x left and y up:
/// R_cv = diag(-1, -1, 1) R^T, t_cv = diag(-1, -1, 1) T. R row-major, as stored.
Rigid from_pytorch3d(const std::array<double, 9>& rotation,
                     const std::array<double, 3>& translation);

}  // namespace vggt::datasets
