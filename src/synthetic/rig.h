// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/geometry/camera.h"
#include "src/synthetic/stage.h"

namespace vggt::synthetic {

enum class RigKind {
  kOrbit,   ///< around what there is to see
  kWalk,    ///< hand-held, turning slowly
  kSparse,  ///< few places far apart, all looking at the same
  kTurn,    ///< one place: rotation alone
  kDrive,   ///< forward along a way
  kAny,     ///< one of these, drawn
};
inline constexpr int64_t kRigKinds = 5;

/// "orbit", ...; the inverse throws ConfigError("rig").
std::string name_of(RigKind rig);
RigKind rig_kind(const std::string& name);

struct RigOptions {
  RigKind rig = RigKind::kAny;  ///< kAny is drawn
  int64_t frames = 4;
  int64_t width_px = 140;
  int64_t height_px = 140;
  double fov_min_deg = 40;  ///< of the longer side
  double fov_max_deg = 85;
  double spread = 1;  ///< scales how far the cameras are apart
};

/// Draws cameras, in the order in which they are taken; the principal point is the middle. Empty if
/// no free place was found for one of them.
std::optional<std::vector<Camera>> draw_rig(const Stage& stage,
                                            const RigOptions& options,
                                            Random random);

}  // namespace vggt::synthetic
