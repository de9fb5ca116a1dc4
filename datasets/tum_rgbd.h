// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/dataset.h"

namespace vggt::datasets {

/// TUM RGB-D: <sequence>/{rgb.txt, depth.txt, groundtruth.txt}; photo, pose and depth belong
/// together by the nearest time, at most 0.02 s apart. split "90" reads the prepared rgb_90/ and
/// groundtruth_90.txt of the papers on dynamic scenes instead.
/// Sturm et al., "A Benchmark for the Evaluation of RGB-D SLAM Systems", IROS 2012.
Dataset load_tum(const LoadOptions& options);

/// For each of `times` the index of the nearest of `others`, each used once, the nearest pairs
/// first; -1 where none is within `longest_apart`. The benchmark's own rule.
std::vector<int64_t> associate(const std::vector<double>& times,
                               const std::vector<double>& others,
                               double longest_apart);

}  // namespace vggt::datasets
