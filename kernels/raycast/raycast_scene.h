// SPDX-License-Identifier: Apache-2.0
// What the ray caster draws, as plain structs: shared by CPU and CUDA, so C++17 and no LibTorch.
#pragma once

#include <cstdint>
#include <vector>

namespace vggt::kernels {

enum class RaycastShape : int32_t {
  kBox,        ///< half sizes (x, y, z)
  kRoom,       ///< a box that is seen from its inside, and casts no shadow
  kEllipsoid,  ///< half axes (x, y, z)
  kFrustum,    ///< (radius at -z, radius at +z, half height): a cylinder, cone or what is between
};

/// A convex solid. Units are the scene's.
struct RaycastPrimitive {
  RaycastShape shape = RaycastShape::kBox;
  double centre[3] = {0, 0, 0};                      ///< in the world
  double rotation[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< world_from_local, row-major
  double half[3] = {1, 1, 1};                        ///< see RaycastShape
  /// Index of a material: of the sides, of the +z face, of the -z face. Ellipsoids have sides only.
  int32_t materials[3] = {0, 0, 0};
};

/// How a surface looks. Colours are linear light.
struct RaycastMaterial {
  int32_t texture = 0;  ///< layer of the atlas
  /// Repeats of the texture per scene unit; 0: the texture fills each face of a box once.
  float repeats = 1;
  float offset[2] = {0, 0};  ///< in repeats
  float tint[3] = {1, 1, 1};
  int32_t stain_texture = 0;  ///< its brightness varies the colour over larger distances
  float stain_repeats = 0.1F;
  float stain = 0;     ///< how much: 0 not at all
  float gloss = 0;     ///< strength of the sun's highlight
  float emission = 0;  ///< light of its own, in units of its colour
};

struct RaycastPointLight {
  float position[3] = {0, 0, 0};
  float colour[3] = {0, 0, 0};  ///< at a distance of one scene unit; black: off
};

/// Light and background. The world's z axis is up.
struct RaycastLight {
  float sun_direction[3] = {0, 0, 1};  ///< towards it, unit
  float sun_colour[3] = {1, 1, 1};
  float penumbra = 0.05F;  ///< width of a shadow's soft rim per distance to what casts it
  float sky_light[3] = {0.4F, 0.4F, 0.4F};     ///< reaches what faces up
  float ground_light[3] = {0.2F, 0.2F, 0.2F};  ///< reaches what faces down
  RaycastPointLight points[2];                 ///< without shadows
  float occlusion_distance = 0.3F;             ///< how near things darken each other
  float occlusion = 0.6F;                      ///< how much: 0 not at all
  float zenith[3] = {0.2F, 0.4F, 0.8F};        ///< the sky's colours
  float horizon[3] = {0.7F, 0.8F, 0.9F};
  int32_t cloud_texture = 0;
  float clouds = 0;  ///< how white they are: 0 none
};

struct RaycastScene {
  std::vector<RaycastPrimitive> primitives;
  std::vector<RaycastMaterial> materials;
  RaycastLight light;
};

/// A pinhole camera. OpenCV axes; x_in_cam = rotation * x_in_world + translation; the centre of the
/// first pixel is at (0.5, 0.5).
struct RaycastCamera {
  double fx_px = 1;
  double fy_px = 1;
  double cx_px = 0;
  double cy_px = 0;
  double rotation[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< cam_from_world, row-major
  double translation[3] = {0, 0, 0};
};

}  // namespace vggt::kernels
