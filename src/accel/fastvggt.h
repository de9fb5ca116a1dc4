// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "src/accel/merge_policy.h"
#include "src/accel/options.h"
#include "src/accel/settings.h"

namespace vggt::accel {

/// FastVGGT as meant: one map for all heads, by the norm's output; every tenth patch protected, a
/// random anchor per cell, built anew at every global block.
std::unique_ptr<MergePolicy> make_fastvggt(const FastVggtOptions& options,
                                           const TokenLayout& layout);

std::vector<Setting> settings_of(FastVggtOptions& options);

}  // namespace vggt::accel
