// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/scene_builder.h"

#include <algorithm>

namespace vggt::synthetic {
namespace {

using kernels::RaycastPrimitive;
using kernels::RaycastShape;

// Of solids whose place is their lower face.
RaycastPrimitive solid(RaycastShape shape, const Frame& frame, const Vector& half, double height) {
  RaycastPrimitive primitive;
  primitive.shape = shape;
  const Vector centre = frame.origin + frame.rotation * Vector{0, 0, height / 2};
  std::copy(centre.begin(), centre.end(), primitive.centre);
  std::copy(frame.rotation.begin(), frame.rotation.end(), primitive.rotation);
  std::copy(half.begin(), half.end(), primitive.half);
  return primitive;
}

}  // namespace

int32_t SceneBuilder::material(const Look& look) {
  constexpr double kOddOne = 0.12;
  kernels::RaycastMaterial material;
  auto kind = static_cast<TextureKind>(random.index(kTextureKinds));
  const bool odd = random.chance(kOddOne) && !look.fill;
  if (!look.kinds.empty() && !odd) {
    kind = look.kinds[static_cast<size_t>(random.index(static_cast<int64_t>(look.kinds.size())))];
  }
  // Photos, if there are any, replace some of all kinds.
  const auto& photos = textures_.layers[static_cast<size_t>(TextureKind::kPhoto)];
  const bool photo = !photos.empty() && random.chance(0.3);
  const auto& layers = photo ? photos : textures_.layers[static_cast<size_t>(kind)];
  material.texture = layers[static_cast<size_t>(random.index(static_cast<int64_t>(layers.size())))];
  const double repeats =
      look.repeats_per_metre > 0 ? look.repeats_per_metre : random.uniform(0.4, 2.0);
  material.repeats = look.fill ? 0 : static_cast<float>(repeats * random.uniform(0.6, 1.5));
  for (float& offset : material.offset) offset = static_cast<float>(random.uniform());
  const double brightness = random.uniform(0.5, 1.0);
  const double hue = random.uniform();
  const Colour tint = from_hue(hue, random.chance(0.5) ? random.uniform(0, 0.35) : 0, brightness);
  std::copy(tint.begin(), tint.end(), material.tint);
  const auto& stains = textures_.layers[static_cast<size_t>(TextureKind::kPlaster)];
  material.stain_texture =
      stains[static_cast<size_t>(random.index(static_cast<int64_t>(stains.size())))];
  material.stain_repeats = static_cast<float>(random.uniform(0.07, 0.3));
  material.stain = static_cast<float>(random.uniform(0.1, 0.8));
  if (random.chance(0.3)) material.gloss = static_cast<float>(random.uniform(0.1, 0.8));
  material.emission = static_cast<float>(look.emission);
  scene.materials.push_back(material);
  return static_cast<int32_t>(scene.materials.size()) - 1;
}

void SceneBuilder::box(const Frame& frame, const Vector& size, int32_t material) {
  box(frame, size, material, material, material);
}

void SceneBuilder::box(
    const Frame& frame, const Vector& size, int32_t sides, int32_t top, int32_t bottom) {
  RaycastPrimitive primitive = solid(RaycastShape::kBox, frame, 0.5 * size, size[2]);
  primitive.materials[0] = sides;
  primitive.materials[1] = top;
  primitive.materials[2] = bottom;
  scene.primitives.push_back(primitive);
}

void SceneBuilder::room(
    const Frame& frame, const Vector& size, int32_t walls, int32_t floor, int32_t ceiling) {
  box(frame, size, walls, ceiling, floor);
  scene.primitives.back().shape = RaycastShape::kRoom;
}

void SceneBuilder::ellipsoid(const Frame& frame, const Vector& size, int32_t material) {
  RaycastPrimitive primitive = solid(RaycastShape::kEllipsoid, frame, 0.5 * size, size[2]);
  std::fill(primitive.materials, primitive.materials + 3, material);
  scene.primitives.push_back(primitive);
}

void SceneBuilder::frustum(const Frame& frame,
                           double radius_below,
                           double radius_above,
                           double height,
                           int32_t sides,
                           int32_t ends) {
  RaycastPrimitive primitive =
      solid(RaycastShape::kFrustum, frame, {radius_below, radius_above, height / 2}, height);
  primitive.materials[0] = sides;
  primitive.materials[1] = primitive.materials[2] = ends;
  scene.primitives.push_back(primitive);
}

}  // namespace vggt::synthetic
