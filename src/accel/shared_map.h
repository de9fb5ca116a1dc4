// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/accel/merge_policy.h"
#include "src/accel/options.h"
#include "src/accel/settings.h"

namespace vggt::accel {

/// What FastVGGT and LiteVGGT have in common: each patch of a later frame is protected, an anchor
/// or a source; sources merge into the anchor whose row is most similar; frame 0 is all anchors but
/// for its protected patches. Every later frame has as many sources.
struct PatchRoles {
  at::Tensor protect;      ///< bool [S, h w]
  at::Tensor anchor;       ///< bool [S, h w], without the first frame's
  int64_t protected0 = 0;  ///< patches of frame 0 that are protected
  int64_t sources = 0;     ///< of each later frame
  int64_t anchors = 0;     ///< of a later frame, at most
};

/// The rows of each role, found once per pass.
class SharedMap {
 public:
  SharedMap(const TokenLayout& layout, const PatchRoles& roles, Reach reach, double bias);

  /// xn [R, C]
  MergePlan build(const at::Tensor& xn) const;
  Cost cost(int64_t channels) const;

 private:
  TokenLayout layout_;
  Reach reach_;
  double bias_;
  at::Tensor sources_;   ///< [S - 1, n]
  at::Tensor anchors0_;  ///< [n0]
  at::Tensor anchors_;   ///< [S - 1, A]
};

}  // namespace vggt::accel
