// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kernels/raycast/raycast_scene.h"
#include "src/synthetic/random.h"
#include "src/synthetic/textures.h"
#include "src/synthetic/vectors.h"

namespace vggt::synthetic {

enum class SceneKind {
  kRoom,      ///< furniture along the walls and in the middle, things on it, pictures
  kObject,    ///< one object with some things around it, on a ground or in a hall
  kStreet,    ///< houses on one or both sides, trees, cars
  kCorridor,  ///< a closed loop of corridors, for long sequences
  kMixed,     ///< one of these, drawn
};
inline constexpr int64_t kSceneKinds = 4;

/// "room", ...; the inverse throws ConfigError("kind").
std::string name_of(SceneKind kind);
SceneKind scene_kind(const std::string& name);

/// A scene and what a photographer needs to know about it. Metres; z is up.
struct Stage {
  SceneKind kind = SceneKind::kRoom;
  kernels::RaycastScene scene;
  Vector centre = {0, 0, 0};  ///< of what there is to see
  double near = 1;            ///< distances from the centre from which it is taken
  double far = 3;
  Vector stand_low = {-1, -1, 0.5};  ///< cameras stand between these
  Vector stand_high = {1, 1, 2};
  std::vector<Vector> path;  ///< a free way through the scene
  bool path_is_closed = false;
};

/// The same arguments give the same stage on every machine. kMixed is drawn.
Stage make_stage(SceneKind kind, const Textures& textures, Random random);

}  // namespace vggt::synthetic
