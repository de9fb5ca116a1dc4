// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "apps/model_options.h"
#include "src/pipeline/pixel_map.h"

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

/// The most memory that the network and its results hold at a time, in bytes.
struct MemoryPlan {
  int64_t program = 0;  ///< LibTorch, OpenCV and the like
  int64_t weights = 0;
  int64_t layers = 0;   ///< what the dense heads read of the aggregator
  int64_t work = 0;     ///< one block with all its tokens, or a head if that takes more
  int64_t results = 0;  ///< photos, depth, points
  int64_t total() const { return program + weights + layers + work + results; }

  int64_t host = 0;  ///< beside that, of a GPU's total: in the host's memory

  // As in ForwardOptions:
  int64_t head_frames = 1;
  bool layers_on_host = false;
};

/// Of a GPU, where `available` bytes are too few otherwise, the dense heads take fewer frames at a
/// time, and where that is not enough the layers move to the host's memory.
MemoryPlan plan_memory(
    const LoadedModel& loaded, int64_t frames, int64_t height, int64_t width, int64_t available);

/// "1.25 GB".
std::string gigabytes(int64_t bytes);

/// "1.25 GB: program 0.25 GB, weights 0.40 GB, ...", and of a GPU what lies on the host.
std::string to_string(const MemoryPlan& plan);

/// The same while photos are decoded, before the network runs: as many as there are threads, each
/// as large as the largest of `maps`.
int64_t estimate_decoding_memory(const LoadedModel& loaded, const std::vector<PixelMap>& maps);

/// What of the exports decides how much is written.
struct DiskOptions {
  bool text = false;
  bool predictions = false;
  bool normals = false;
};

/// The most that the results take on disk, in bytes, without the frames of videos.
int64_t estimate_disk(int64_t frames, int64_t height, int64_t width, const DiskOptions& options);

}  // namespace vggt::apps
