// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/nn/aggregator.h"

namespace vggt::nn {

/// Aggregator::forward() with a method that merges from the middle of the encoder to the heads
/// (accel/span_policy.h). Every scene has a plan of its own. A plan that merges nothing is the dense
/// path, to the same bits.
AggregatedTokens forward_in_slots(const Aggregator& aggregator,
                                  const at::Tensor& images,
                                  const ProgressCallback& progress,
                                  StageProgress::Seconds* seconds,
                                  const accel::MergeOptions& merge,
                                  accel::MergeReport* report,
                                  HostCopies* to_host);

}  // namespace vggt::nn
