// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/raycast/raycast_scene.h"
#include "src/synthetic/random.h"
#include "src/synthetic/textures.h"
#include "src/synthetic/vectors.h"

namespace vggt::synthetic {

/// Where a thing stands: a point of the floor, and how it is turned. Lengths are metres, z is up.
struct Frame {
  Vector origin = {0, 0, 0};
  Matrix rotation = kIdentity;  ///< world_from_frame

  /// The frame at a place of this one, turned about its own z axis.
  Frame at(const Vector& place, double turn = 0) const {
    return {origin + rotation * place, rotation * about_z(turn)};
  }
  /// The same place, turned by any rotation.
  Frame turned(const Matrix& by) const { return {origin, rotation * by}; }
};

/// How a surface is to look; what is left open is drawn.
struct Look {
  std::vector<TextureKind> kinds;  ///< one of them is taken; empty: any
  double repeats_per_metre = 0;    ///< 0: drawn
  bool fill = false;               ///< the texture fills each face once
  double emission = 0;
};

/// Collects the solids and materials of one scene, with textures of the given set.
class SceneBuilder {
 public:
  SceneBuilder(const Textures& textures, Random random) : textures_(textures), random(random) {}

  /// A new material; now and then of another kind than asked for, so that nothing looks always
  /// alike.
  int32_t material(const Look& look);

  /// The place is the middle of the solid's lower face; size is the whole box.
  void box(const Frame& frame, const Vector& size, int32_t material);
  void box(const Frame& frame, const Vector& size, int32_t sides, int32_t top, int32_t bottom);
  void room(const Frame& frame, const Vector& size, int32_t walls, int32_t floor, int32_t ceiling);
  void ellipsoid(const Frame& frame, const Vector& size, int32_t material);
  void frustum(const Frame& frame,
               double radius_below,
               double radius_above,
               double height,
               int32_t sides,
               int32_t ends);
  void cylinder(const Frame& frame, double radius, double height, int32_t material) {
    frustum(frame, radius, radius, height, material, material);
  }

  kernels::RaycastScene scene;

 private:
  const Textures& textures_;

 public:
  Random random;
};

}  // namespace vggt::synthetic
