// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/eval/scan.h"
#include "src/eval/sequence_result.h"
#include "src/pipeline/reconstruction.h"

namespace vggt::eval {

/// What is known of the photos of a reconstruction, in their order.
struct Truth {
  std::vector<Camera> cameras;  ///< of the stored pictures; focal length 0: not known
  /// [h, w] float of the whole stored picture, 0 = none; empty, or one per photo.
  std::vector<at::Tensor> depth;
  double units_per_metre = 0;  ///< 0: the unit is arbitrary
  std::optional<Scan> scan;
};

/// Protocols of published scripts that differ from the definitions, to reproduce their tables.
enum class Compat {
  kNone,
  kFastVggt,  ///< trajectories of inverted poses, the first camera brought onto the true one
  /// Points as CUT3R and Spann3R compare them: brought together by medians (match_by_medians)
  /// instead of a Sim(3), the central 224 x 224 pixels of each photo, at most 999,999 of them.
  kCut3r,
  kCut3rAligned,  ///< and then by the Sim(3) of those pixels
};

struct ScoreOptions {
  bool find_degenerate = true;
  int64_t most_points = 100000;  ///< of each cloud, drawn by a fixed seed; 0: all
  bool points = true;
  Compat compat = Compat::kNone;
};

/// Fills poses, trajectory, where the cameras move, and where the truth has depth, depth and points of `result`, whose
/// `frames` tell the order of time.
///
/// Depth: one fit for the whole sequence, at the true map's size. Points: each network pixel with a
/// true depth gives a pair; the predicted points are brought onto the true ones by the Sim(3) of
/// all pairs, then, where the unit is known, by ICP within 0.1 m; normals are of the clouds after
/// that. F-scores are at 1, 2, 5 and 10 hundredths of a metre, or, where the unit is arbitrary, of
/// the RMS extent of the true points (result.point_unit). Points are of depth and cameras. Against a
/// scan: score_scan(). Stretches: where the unit is known and the way is long enough.
/// Throws c10::Error if the numbers of photos differ.
void score(const Reconstruction& predicted,
           const Truth& truth,
           const ScoreOptions& options,
           SequenceResult& result);

}  // namespace vggt::eval
