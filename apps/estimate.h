// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "apps/model_options.h"

namespace vggt::apps {

/// The seconds that the network will take for `frames` images of height x width, by stage: one
/// block of each kind and one frame of the heads are timed on this machine, with the model's own
/// weights, and multiplied. Throws Cancelled. Takes a few percent of the run itself.
std::vector<std::pair<std::string, double>> estimate_network_seconds(
    const LoadedModel& loaded,
    int64_t frames,
    int64_t height,
    int64_t width,
    const ProgressCallback& progress);

/// The most memory that a reconstruction holds at a time, in bytes: program and weights,
/// then the
/// larger of one block at work and the heads, then the results.
int64_t estimate_memory(const LoadedModel& loaded, int64_t frames, int64_t height, int64_t width);

/// The most that the results take on disk, in bytes.
int64_t estimate_disk(int64_t frames, int64_t height, int64_t width);

}  // namespace vggt::apps
