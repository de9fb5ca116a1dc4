// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "src/accel/merge_policy.h"
#include "src/accel/options.h"

namespace vggt::accel {

/// FastVGGT as meant: one map for all heads, by the norm's output; every tenth patch protected, a
/// random anchor per cell, built anew at every global block.
std::unique_ptr<MergePolicy> make_fastvggt(const FastVggtOptions& options,
                                           const TokenLayout& layout);

}  // namespace vggt::accel
