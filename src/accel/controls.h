// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "src/accel/merge_policy.h"
#include "src/accel/options.h"
#include "src/accel/settings.h"

namespace vggt::accel {

// What every method must beat. Special tokens are left alone by all of them.

/// Merges nothing, by way of a plan.
std::unique_ptr<MergePolicy> make_identity(const TokenLayout& layout);

/// Every cell of every frame becomes one slot.
std::unique_ptr<MergePolicy> make_grid(const GridOptions& options, const TokenLayout& layout);

/// The same of keys and values alone: queries stay whole, so nothing is given back. The first
/// global blocks, of `layers`, may run frame by frame instead.
std::unique_ptr<MergePolicy> make_keys_grid(const KeysGridOptions& options,
                                            const TokenLayout& layout,
                                            int64_t layers);

/// Patches drawn at random become anchors; every other one merges into the nearest of its frame.
std::unique_ptr<MergePolicy> make_random(const RandomOptions& options, const TokenLayout& layout);

std::vector<Setting> settings_of(GridOptions& options);
std::vector<Setting> settings_of(KeysGridOptions& options);
std::vector<Setting> settings_of(RandomOptions& options);
std::vector<Setting> settings_of(IdentityOptions& options);

}  // namespace vggt::accel
