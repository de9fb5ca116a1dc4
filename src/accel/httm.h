// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "src/accel/merge_policy.h"
#include "src/accel/options.h"
#include "src/accel/settings.h"

namespace vggt::accel {

/// HTTM: every head merges its own queries, and its own keys with their values, by what enters the
/// attention, within runs of places over windows of frames; queries that deviate most are taken out
/// of their groups again. Special tokens are left alone.
std::unique_ptr<MergePolicy> make_httm(const HttmOptions& options,
                                       const TokenLayout& layout,
                                       int64_t heads);

std::vector<Setting> settings_of(HttmOptions& options);

}  // namespace vggt::accel
