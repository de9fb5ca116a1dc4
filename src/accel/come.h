// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "src/accel/options.h"
#include "src/accel/settings.h"
#include "src/accel/span_policy.h"

namespace vggt::accel {

struct PassFacts;

/// Co-Me: groups of patches that a small predictor expects little confidence of become a slot each,
/// from the middle of the encoder to the heads.
/// Throws ConfigError("accel") if the predictor is missing (it says how to make one) or does not
/// fit the model.
std::unique_ptr<SpanPolicy> make_come(const ComeOptions& options, const PassFacts& pass);

/// The rest, of a confidence that is given, [S, h w] of any floating dtype.
SpanPlan come_plan(const ComeOptions& options,
                   const TokenLayout& layout,
                   const at::Tensor& confidence);

/// What to do about a missing predictor of `weights`.
std::string how_to_make_a_predictor(const std::string& weights);

std::vector<Setting> settings_of(ComeOptions& options);

}  // namespace vggt::accel
