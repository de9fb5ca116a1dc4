// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/accel/merge_steps.h"
#include "src/accel/settings.h"

namespace vggt::accel {

/// Where sources look for anchors.
enum class Reach : uint8_t {
  kScene,  ///< in all frames: what the papers do; quadratic in the number of frames
  kNear,   ///< in their own frame, the first one and the two most similar ones
};

/// Whose way.
enum class Manner : uint8_t {
  kClean,   ///< the method as meant, with what we hold right where it is silent
  kCompat,  ///< the release's, faults included: cells of 2, all frames in reach, no bias
};

/// Shen et al., "FastVGGT: Training-Free Acceleration of Visual Geometry Transformer", ICLR 2026.
struct FastVggtOptions {
  int64_t cell = 2;               ///< side, patches: one anchor each
  int64_t protected_period = 10;  ///< every so many patches of a frame are left alone; 0: none
  int64_t seed = 33;              ///< of the anchors
  Reach reach = Reach::kNear;
  double bias = 1;  ///< times log(mass) on merged keys
  Manner manner = Manner::kClean;
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
  Manner manner = Manner::kClean;
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

/// Keys and values merged as HTTM's windows have them, plans kept as LiteVGGT's, queries whole.
struct WindowKeysOptions {
  WindowOptions window;
  AnchorPattern anchors = {.period = 10, .step = 3};
  double alone = 0.05;  ///< share of a window's keys, the least similar, that are kept as they are
  bool by_head = false;
  FirstFrame first_frame = FirstFrame::kPlain;
  std::vector<int64_t> build_at = {0, 6, 15, 20};  ///< of 24 layers; scaled to fewer
  double bias = 1;
};

/// What every method must beat: cells of cell x cell patches pooled, of all rows, ...
struct GridOptions {
  int64_t cell = 2;
  double bias = 1;
};

/// ... of keys and values alone; or the first global blocks frame by frame ...
struct KeysGridOptions {
  int64_t cell = 2;
  double frame_only = 0;  ///< share of the global blocks, from the first on
  double bias = 1;
};

/// ... or anchors drawn at random, every other patch merged into the nearest one of its frame.
struct RandomOptions {
  double kept = 0.35;  ///< share of a frame's patches that are anchors
  int64_t seed = 1;
  double bias = 1;
};

struct IdentityOptions {};

Setting first_frame_setting(FirstFrame& first_frame);
Setting reach_setting(Reach& reach);
Setting manner_setting(Manner& manner);

}  // namespace vggt::accel
