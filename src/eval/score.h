// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "src/eval/sequence_result.h"
#include "src/pipeline/reconstruction.h"

namespace vggt::eval {

/// What is known of the photos of a reconstruction, in their order.
struct Truth {
  std::vector<Camera> cameras;  ///< of the stored pictures; focal length 0: not known
  /// [h, w] float of the whole stored picture, 0 = none; empty, or one per photo.
  std::vector<at::Tensor> depth;
  double units_per_metre = 0;  ///< 0: the unit is arbitrary
};

struct ScoreOptions {
  bool find_degenerate = true;
  int64_t most_points = 100000;  ///< of each cloud, drawn by a fixed seed; 0: all
  bool points = true;
};

/// Fills poses, trajectory, and where the truth has depth, depth and points of `result`, whose
/// `frames` tell the order of time.
///
/// Depth: one fit for the whole sequence, at the true map's size. Points: each network pixel with a
/// true depth gives a pair; the predicted points are brought onto the true ones by the Sim(3) of
/// all pairs, then, where the unit is known, by ICP within 0.1 m; normals are of the clouds after
/// that. F-scores are at 1, 2, 5 and 10 hundredths of a metre, or, where the unit is arbitrary, of
/// the RMS extent of the true points (result.point_unit).
/// Throws c10::Error if the numbers of photos differ.
void score(const Reconstruction& predicted,
           const Truth& truth,
           const ScoreOptions& options,
           SequenceResult& result);

}  // namespace vggt::eval
