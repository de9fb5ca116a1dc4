// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "src/accel/merge_policy.h"
#include "src/accel/options.h"
#include "src/accel/settings.h"

namespace vggt::accel {

/// LiteVGGT as meant: one map for all heads, by the norm's output; the patches with most geometry
/// protected, the flattest of each cell its anchor, built at a few layers and kept between. Every
/// later frame has special + cells + protected slots: where a cell is protected whole, the next
/// patch in rank is, too.
std::unique_ptr<MergePolicy> make_litevggt(const LiteVggtOptions& options,
                                           const TokenLayout& layout,
                                           const SceneMaps& maps,
                                           int64_t layers);

/// As released, of a geometry map that is given: float [S, h w].
std::unique_ptr<MergePolicy> make_released_litevggt(const LiteVggtOptions& options,
                                                    const TokenLayout& layout,
                                                    const at::Tensor& geometry,
                                                    int64_t layers);

std::vector<Setting> settings_of(LiteVggtOptions& options);

}  // namespace vggt::accel
