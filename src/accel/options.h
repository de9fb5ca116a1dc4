// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/accel/merge_steps.h"

namespace vggt::accel {

/// Where sources look for anchors.
enum class Reach : uint8_t {
  kScene,  ///< in all frames: what the papers do; quadratic in the number of frames
  kNear,   ///< in their own frame, the first one and the two most similar ones
};

/// Shen et al., "FastVGGT: Training-Free Acceleration of Visual Geometry Transformer", ICLR 2026.
struct FastVggtOptions {
  int64_t cell = 2;               ///< side, patches: one anchor each
  int64_t protected_period = 10;  ///< every so many patches of a frame are left alone; 0: none
  uint64_t seed = 33;             ///< of the anchors
  Reach reach = Reach::kNear;
  double bias = 1;  ///< times log(mass) on merged keys
};

/// "LiteVGGT: Boosting Vanilla VGGT via Geometry-aware Cached Token Merging", CVPR 2026.
struct LiteVggtOptions {
  int64_t cell = 2;
  double protected_share = 0.1;  ///< of a frame's patches, those with most geometry
  double gradient_weight = 0.7;
  double variance_weight = 0.3;
  std::vector<int64_t> build_at = {0, 6, 15, 20};  ///< of 24 layers; scaled to fewer
  Reach reach = Reach::kNear;
  double bias = 1;
  bool permuted = false;  ///< a control: the scores of each frame's patches change places
};

/// Wang et al., "HTTM: Head-wise Temporal Token Merging for Faster VGGT", CVPR 2026.
struct HttmOptions {
  WindowOptions window;
  AnchorPattern queries = {.period = 10, .step = 3};
  AnchorPattern keys = {.period = 4, .step = 1};
  double keys_merged = 0.7;  ///< share of each window's keys; all queries that are no anchors merge
  double outliers = 0.1;     ///< share of all heads' queries that are taken out again
  FirstFrame first_frame = FirstFrame::kAnchors;
  double bias = 1;
};

/// What every method must beat.
struct ControlOptions {
  int64_t cell = 2;    ///< grid and keys_grid: its side
  double kept = 0.35;  ///< random: share of a frame's patches that are anchors
  uint64_t seed = 1;
  int64_t frame_only_layers = 0;  ///< keys_grid: so many first global blocks see their frame alone
  double bias = 1;
};

}  // namespace vggt::accel
