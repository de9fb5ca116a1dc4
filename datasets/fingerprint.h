// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "datasets/dataset.h"

namespace vggt::datasets {

/// 16 hexadecimal digits of what a score of these frames hangs on, beside the program and its
/// options: name, category, trust and unit of the sequence, and of each frame its index, its true
/// camera (to six decimals, since the last bits differ between machines) and the sizes of its photo
/// and depth map; the sizes of the scan's files. Two data sets with the same names differ in it,
/// one that was moved to another folder does not. A file that is not there has no size.
std::string fingerprint(const Sequence& sequence, std::span<const int64_t> frames);

}  // namespace vggt::datasets
