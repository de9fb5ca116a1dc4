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
  int64_t build_every = 1;   ///< a plan serves so many blocks; 1 as published
  FirstFrame first_frame = FirstFrame::kAnchors;
  double bias = 1;
};

/// Ours: keys and values merged with their like in HTTM's windows, edges and outliers kept, plans
/// reused as LiteVGGT's, queries whole.
struct WindowKeysOptions {
  WindowOptions window;
  int64_t step = 3;  ///< of the anchors' place from frame to frame
  /// Share of each window's keys that stay, of the layers from each build on; the last serves the
  /// rest. 1: these layers are whole.
  std::vector<double> kept = {0.15};
  double alone =
      1.0 / 3;       ///< of those, about: keys that are left as they are, the others are anchors
  double edges = 0;  ///< what the most geometry counts against a cosine when these are chosen
  bool by_head = false;
  FirstFrame first_frame = FirstFrame::kPlain;
  std::vector<int64_t> build_at = {0, 6, 15, 20};  ///< of 24 layers; scaled to fewer
  double bias = 1;
};

/// What ranks the groups of Co-Me.
enum class ComeScore : uint8_t {
  kPredictor,
  kEdges,   ///< of the picture: the flattest merge
  kRandom,  ///< a control
};

enum class ComeVariant : uint8_t {
  kFused,   ///< second release: the stream itself holds slots
  kDirect,  ///< the stream keeps all tokens; each branch's input is merged, its output given back
  kFirst,   ///< first release: direct, groups of 4 patches that follow each other, ranked by frame
};

/// Chen et al., "Co-Me: Confidence-Guided Token Merging for Visual Geometric Transformers", CVPR
/// 2026.
struct ComeOptions {
  std::string predictor;  ///< a file, or "synthetic:SEED"
  ComeScore score = ComeScore::kPredictor;
  ComeVariant variant = ComeVariant::kFused;
  double merged = 0.5;  ///< share of the groups, those of the least confidence
  int64_t cell = 3;     ///< side of a group, patches
  int64_t tap = -1;     ///< last block of the encoder before it; -1: as the predictor says
  FirstFrame first_frame = FirstFrame::kPlain;
  double bias = 1;
  Manner manner = Manner::kClean;  ///< compat: those below a quantile, whose number ties change
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
