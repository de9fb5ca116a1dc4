// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "src/accel/merge_policy.h"
#include "src/accel/options.h"
#include "src/accel/settings.h"

namespace vggt::accel {

/// Keys and values merged with their like in the same places of frames that follow each other;
/// queries stay whole, so nothing is given back and nothing is blurred. Of HTTM the windows, of
/// LiteVGGT the plans that are kept between layers.
std::unique_ptr<MergePolicy> make_window_keys(const WindowKeysOptions& options,
                                              const TokenLayout& layout,
                                              int64_t layers,
                                              int64_t heads);

std::vector<Setting> settings_of(WindowKeysOptions& options);

}  // namespace vggt::accel
