// SPDX-License-Identifier: Apache-2.0
// One ray: which solid it meets and what colour is seen there. The same inline code on the CPU and
// in CUDA, in float32, with IEEE operations only (no library functions but sqrt), so that machines
// agree; C++17, no LibTorch.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/raycast/raycast_shapes.h"

namespace vggt::kernels::raycast_detail {

/// A primitive in float32, in the world.
struct Solid {
  float centre[3];
  float rotation[9];
  float half[3];
  float radius;  ///< of the sphere around it
  RaycastShape shape;
  int32_t materials[3];
};

/// A primitive as one view sees it. What decides whether a ray may meet it stands first.
struct SeenSolid {
  float x_from, x_to, y_from, y_to;  ///< the pixel coordinates of rays that may meet it
  float nearest;                     ///< no part of it has less depth
  RaycastShape shape;
  float from[3];      ///< the camera's centre in the solid's frame
  float rotation[9];  ///< local_from_cam
  float half[3];
  int32_t index;
};

struct SeenView {
  float world_from_cam[9];
  float centre[3];
  float inverse_fx, inverse_fy;
  float cx, cy;
  int32_t solid_count;  ///< of SeenSolid, sorted by `nearest`
  int32_t first_solid;
};

/// The scene's solids by cells of a plane, in which a point looks for what is near its column.
struct Columns {
  float u_axis[3];
  float v_axis[3];
  float u_from, v_from;
  float cells_per_unit;
  const int32_t* starts;  ///< [kCells * kCells + 1]
  const int32_t* solids;
};
constexpr int kCells = 32;

struct Trace {
  const Solid* solids;
  const RaycastMaterial* materials;
  const SeenView* views;
  const SeenSolid* seen;
  const uint32_t* atlas;  ///< [layers, texels of all levels]: red, green, blue from the lowest byte
  int32_t texture_log2;   ///< of the width of level 0
  Columns in_sun;         ///< along the sun's rays
  Columns upright;        ///< widened by occlusion_distance
  const int32_t* primitive_of_solid;  ///< index in the scene
  int32_t room_count;                 ///< the first solids are the rooms, which stand in no cell
  RaycastLight light;
};

struct Hit {
  float depth = 0;         ///< 0: nothing
  int32_t primitive = -1;  ///< index in the scene
  Vec3 normal;             ///< in the world, towards the camera
  Vec3 colour;
};

VGGT_RAYCAST_FUNCTION const int32_t* cell_of(const Columns& columns, Vec3 p, int32_t* count) {
  const float u = (dot(vec(columns.u_axis), p) - columns.u_from) * columns.cells_per_unit;
  const float v = (dot(vec(columns.v_axis), p) - columns.v_from) * columns.cells_per_unit;
  *count = 0;
  if (!(u >= 0 && v >= 0 && u < kCells && v < kCells)) return columns.solids;
  const int32_t cell = static_cast<int32_t>(v) * kCells + static_cast<int32_t>(u);
  *count = columns.starts[cell + 1] - columns.starts[cell];
  return columns.solids + columns.starts[cell];
}

// --- Textures ------------------------------------------------------------------------------------

/// Texels before a level: 4^n + 4^(n-1) + ...
VGGT_RAYCAST_FUNCTION int32_t level_start(int32_t log2, int32_t level) {
  const int64_t all = int64_t{4} << (2 * log2);
  return static_cast<int32_t>((all - (all >> (2 * level))) / 3);
}

// Four bytes apart in 16 bits each, so that one multiplication scales all of them.
VGGT_RAYCAST_FUNCTION uint64_t spread(uint32_t texel) {
  const uint64_t v = texel;
  return (v & 0xFF) | (v & 0xFF00) << 8 | (v & 0xFF0000) << 16;
}

VGGT_RAYCAST_FUNCTION uint64_t blend(uint64_t a, uint64_t b, uint32_t of_b) {
  return ((a * (256 - of_b) + b * of_b) >> 8) & 0x00FF00FF00FF00FFULL;
}

VGGT_RAYCAST_FUNCTION float floor_of(float v) {
  const auto whole = static_cast<float>(static_cast<int32_t>(v));
  return whole > v ? whole - 1 : whole;
}

/// Bilinear, repeated; (u, v) in [0, 1).
VGGT_RAYCAST_FUNCTION uint64_t
texel_at(const uint32_t* texture, int32_t log2, int32_t level, float u, float v) {
  const int32_t size = 1 << (log2 - level);
  const int32_t mask = size - 1;
  const uint32_t* texels = texture + level_start(log2, level);
  // In 256ths of a texel.
  const auto x = static_cast<int32_t>(u * static_cast<float>(size << 8)) + (mask << 8) + 128;
  const auto y = static_cast<int32_t>(v * static_cast<float>(size << 8)) + (mask << 8) + 128;
  const uint32_t* row = texels + ((y >> 8) & mask) * size;
  const uint32_t* next = texels + (((y >> 8) + 1) & mask) * size;
  const int32_t left = (x >> 8) & mask;
  const int32_t right = ((x >> 8) + 1) & mask;
  return blend(blend(spread(row[left]), spread(row[right]), x & 255),
               blend(spread(next[left]), spread(next[right]), x & 255),
               y & 255);
}

/// log2 up to a tenth; 0 at and below 1.
VGGT_RAYCAST_FUNCTION float about_log2(float v) {
  if (!(v > 1)) return 0;
  uint32_t bits = 0;
  std::memcpy(&bits, &v, sizeof(bits));
  return static_cast<float>(static_cast<int32_t>(bits >> 23) - 127) +
         static_cast<float>(bits & 0x7FFFFF) / 8388608.0F;
}

/// The texture over a pixel that is `width` x `length` repeats large, the length along (du, dv), a
/// unit vector: trilinear, several times along the length.
VGGT_RAYCAST_FUNCTION Vec3 texture_over(const Trace& trace,
                                        int32_t layer,
                                        float u,
                                        float v,
                                        float width,
                                        float length,
                                        float du,
                                        float dv) {
  constexpr int32_t kMostTaps = 4;
  const int32_t log2 = trace.texture_log2;
  const uint32_t* texture = trace.atlas + static_cast<int64_t>(layer) * level_start(log2, log2 + 1);
  int32_t taps = 1 + static_cast<int32_t>(least(length / most(width, 1e-9F) - 1, kMostTaps - 1));
  const auto texels = static_cast<float>(1 << log2);
  // Magnified, one is enough.
  if (length * texels < 1) taps = 1;
  const float share = 1.0F / static_cast<float>(taps);
  const float level = about_log2(most(width, length * share) * texels);
  const int32_t finer = level < static_cast<float>(log2) ? static_cast<int32_t>(level) : log2;
  const int32_t coarser = finer < log2 ? finer + 1 : log2;
  const auto of_coarser = static_cast<uint32_t>(256 * clamp01(level - static_cast<float>(finer)));
  uint64_t sum = 0;
  for (int32_t i = 0; i < taps; ++i) {
    const float at = (static_cast<float>(i) + 0.5F) * share - 0.5F;
    float tu = u + at * length * du;
    float tv = v + at * length * dv;
    tu -= floor_of(tu);
    tv -= floor_of(tv);
    uint64_t texel = texel_at(texture, log2, finer, tu, tv);
    if (of_coarser > 0) {
      texel = blend(texel, texel_at(texture, log2, coarser, tu, tv), of_coarser);
    }
    sum += texel;
  }
  const float scale = share / 255.0F;
  return {scale * static_cast<float>(sum & 0xFFFF),
          scale * static_cast<float>((sum >> 16) & 0xFFFF),
          scale * static_cast<float>((sum >> 32) & 0xFFFF)};
}

/// Brightness of a texture, bilinear in the nearest coarser level.
VGGT_RAYCAST_FUNCTION float stain_at(
    const Trace& trace, int32_t layer, float u, float v, float width) {
  const int32_t log2 = trace.texture_log2;
  const uint32_t* texture = trace.atlas + static_cast<int64_t>(layer) * level_start(log2, log2 + 1);
  const float level = about_log2(width * static_cast<float>(1 << log2)) + 0.5F;
  const int32_t whole = level < static_cast<float>(log2) ? static_cast<int32_t>(level) : log2;
  const uint64_t texel = texel_at(texture, log2, whole, u - floor_of(u), v - floor_of(v));
  return static_cast<float>((texel & 0xFF) + ((texel >> 16) & 0xFF) + ((texel >> 32) & 0xFF)) /
         (3 * 255.0F);
}

// --- Surfaces ------------------------------------------------------------------------------------

/// How far inside a solid's outline a ray passes, as a length along the ray: 0 at the outline. For
/// round solids the way within them; for boxes the ways between faces of different axes, since
/// through a thin plate the way is short everywhere.
VGGT_RAYCAST_FUNCTION float inside_outline(
    RaycastShape shape, Vec3 half, Vec3 from, Vec3 along, Span span) {
  if (shape == RaycastShape::kFrustum) {
    const float flatness = most(half.x, half.y) / half.z;
    return (span.out - span.in) * most(1, flatness);
  }
  if (shape != RaycastShape::kBox) return span.out - span.in;
  const Vec3 inverse = {reciprocal(along.x), reciprocal(along.y), reciprocal(along.z)};
  const Vec3 middle = {-from.x * inverse.x, -from.y * inverse.y, -from.z * inverse.z};
  const Vec3 reach = {
      half.x * std::fabs(inverse.x), half.y * std::fabs(inverse.y), half.z * std::fabs(inverse.z)};
  const Vec3 in = middle - reach;
  const Vec3 out = middle + reach;
  const float x = out.x - most(in.y, in.z);
  const float y = out.y - most(in.x, in.z);
  const float z = out.z - most(in.x, in.y);
  return least(least(x, y), z);
}

/// The share of the sun that reaches a point; 0 in full shadow. The rim is soft: the wider, the
/// farther what casts it.
VGGT_RAYCAST_FUNCTION float sun_at(const Trace& trace, Vec3 p, Vec3 normal) {
  constexpr float kOffSurface = 2e-3F;
  const Vec3 sun = vec(trace.light.sun_direction);
  int32_t count = 0;
  const int32_t* const candidates = cell_of(trace.in_sun, p, &count);
  const Vec3 start = p + kOffSurface * normal;
  float share = 1;
  for (int32_t i = 0; i < count; ++i) {
    const Solid& solid = trace.solids[candidates[i]];
    const Vec3 offset = start - vec(solid.centre);
    const float ahead = dot(offset, sun);
    const float square = solid.radius * solid.radius;
    // Behind, or the ray passes the sphere around it.
    if (ahead > solid.radius || dot(offset, offset) - ahead * ahead > square) continue;
    const Vec3 from = turned_back(solid.rotation, offset);
    const Vec3 along = turned_back(solid.rotation, sun);
    const Span span = span_of(solid.shape, vec(solid.half), from, along);
    if (!(span.out > 0 && span.in < span.out)) continue;
    const float in = most(span.in, 0);
    const float rim = trace.light.penumbra * in + kOffSurface;
    const float inside = inside_outline(solid.shape, vec(solid.half), from, along, span);
    share = least(share, 1 - clamp01(inside / rim));
    if (!(share > 0)) return 0;
  }
  return share;
}

/// The share of the light from all around that reaches a point: less near other things.
VGGT_RAYCAST_FUNCTION float openness_at(const Trace& trace, Vec3 p, Vec3 normal) {
  const float reach = trace.light.occlusion_distance;
  const Vec3 probe = p + reach * normal;
  float free = reach;
  for (int32_t i = 0; i < trace.room_count; ++i) {
    const Solid& room = trace.solids[i];
    const Vec3 local = turned_back(room.rotation, probe - vec(room.centre));
    free = least(free, distance_to(room.shape, vec(room.half), local));
  }
  int32_t count = 0;
  const int32_t* const candidates = cell_of(trace.upright, p, &count);
  for (int32_t i = 0; i < count; ++i) {
    const Solid& solid = trace.solids[candidates[i]];
    const Vec3 offset = probe - vec(solid.centre);
    const float away = solid.radius + free;
    if (dot(offset, offset) > away * away) continue;
    const Vec3 local = turned_back(solid.rotation, offset);
    free = least(free, distance_to(solid.shape, vec(solid.half), local));
  }
  return 1 - trace.light.occlusion * (1 - most(free, 0) / reach);
}

VGGT_RAYCAST_FUNCTION Vec3 sky_colour(const Trace& trace, Vec3 direction) {
  const Vec3 d = unit(direction);
  const float up = clamp01(d.z);
  const float height = std::sqrt(up);
  Vec3 colour = (1 - height) * vec(trace.light.horizon) + height * vec(trace.light.zenith);
  if (trace.light.clouds > 0 && d.z > 0) {
    const float scale = 0.12F / (d.z + 0.12F);
    const float cloud =
        stain_at(trace, trace.light.cloud_texture, d.x * scale, d.y * scale, 0.01F * scale);
    const float cover = trace.light.clouds * clamp01(3 * cloud - 1.2F);
    colour = (1 - cover) * colour + cover * Vec3{0.95F, 0.95F, 0.95F};
  }
  return colour;
}

VGGT_RAYCAST_FUNCTION Vec3 light_at(const Trace& trace, Vec3 p, Vec3 normal, float openness) {
  const RaycastLight& light = trace.light;
  const float up = 0.5F + 0.5F * normal.z;
  Vec3 sum = openness * (up * vec(light.sky_light) + (1 - up) * vec(light.ground_light));
  for (const RaycastPointLight& lamp : light.points) {
    const Vec3 to = vec(lamp.position) - p;
    const float square = dot(to, to);
    const float facing = dot(normal, to) / std::sqrt(most(square, 1e-12F));
    if (facing > 0) sum = sum + (openness * facing / (square + 0.05F)) * vec(lamp.colour);
  }
  return sum;
}

/// Linear colour of the place where the ray with direction `direction` from `eye` meets the solid
/// at p, which is `local` in its frame.
VGGT_RAYCAST_FUNCTION Vec3 surface_colour(const Trace& trace,
                                          const Solid& solid,
                                          const Place& place,
                                          Vec3 p,
                                          Vec3 normal,
                                          Vec3 direction,
                                          Vec3 local_direction,
                                          float pixel) {
  const RaycastMaterial& material = trace.materials[solid.materials[place.part]];
  const Vec3 towards = unit(direction);
  const float facing = most(std::fabs(dot(normal, towards)), 0.05F);
  // The pixel on the surface: as wide as seen, and longer along the direction of the view.
  float along_u = dot(place.u_axis, local_direction);
  float along_v = dot(place.v_axis, local_direction);
  const float inverse = 1.0F / std::sqrt(most(along_u * along_u + along_v * along_v, 1e-20F));
  along_u *= inverse;
  along_v *= inverse;
  Vec3 albedo;
  if (material.repeats > 0) {
    float repeats = material.repeats;
    if (solid.shape == RaycastShape::kFrustum && place.part == 0) {
      // Whole repeats around, so that there is no seam.
      repeats = most(1, floor_of(2 * place.u_half * repeats + 0.5F)) / (2 * place.u_half);
    }
    albedo = texture_over(trace,
                          material.texture,
                          place.u * repeats + material.offset[0],
                          place.v * repeats + material.offset[1],
                          pixel * repeats,
                          pixel * repeats / facing,
                          along_u,
                          along_v);
  } else {
    const float per_u = 0.5F / place.u_half;
    const float per_v = 0.5F / place.v_half;
    const float mean = 0.5F * (per_u + per_v);
    albedo = texture_over(trace,
                          material.texture,
                          clamp01(place.u * per_u + 0.5F) * 0.998F + 0.001F,
                          clamp01(place.v * per_v + 0.5F) * 0.998F + 0.001F,
                          pixel * mean,
                          pixel * mean / facing,
                          along_u,
                          along_v);
  }
  albedo = albedo * albedo * vec(material.tint);  // textures are stored as square roots of light
  if (material.stain > 0) {
    const float shade = stain_at(trace,
                                 material.stain_texture,
                                 place.u * material.stain_repeats + material.offset[1],
                                 place.v * material.stain_repeats + material.offset[0],
                                 pixel * material.stain_repeats);
    albedo = most(0.1F, 1 + material.stain * (2 * shade - 1)) * albedo;
  }
  if (material.emission > 0) return material.emission * albedo;
  const float openness = openness_at(trace, p, normal);
  Vec3 light = light_at(trace, p, normal, openness);
  const Vec3 sun = vec(trace.light.sun_direction);
  const float cosine = dot(normal, sun);
  Vec3 highlight;
  if (cosine > 0) {
    const float share = sun_at(trace, p, normal);
    const Vec3 sunlight = share * vec(trace.light.sun_colour);
    light = light + cosine * sunlight;
    if (material.gloss > 0) {
      float shine = most(0, dot(normal, unit(sun - towards)));
      for (int i = 0; i < 5; ++i) shine *= shine;  // to the 32nd power
      highlight = (material.gloss * shine) * sunlight;
    }
  }
  return albedo * light + highlight;
}

// --- One ray -------------------------------------------------------------------------------------

/// The solid that a view's ray through pixel coordinates (x, y) meets first: of `candidates`,
/// positions in the view's list in ascending order (null: all of them). Returns the position in the
/// view's list and the depth, or -1.
VGGT_RAYCAST_FUNCTION int32_t first_solid(const SeenSolid* seen,
                                          const int32_t* candidates,
                                          int32_t count,
                                          float x,
                                          float y,
                                          Vec3 direction,
                                          float* depth) {
  int32_t first = -1;
  float best = kFar;
  for (int32_t i = 0; i < count; ++i) {
    const int32_t at = candidates ? candidates[i] : i;
    const SeenSolid& solid = seen[at];
    if (solid.nearest >= best) break;
    if (x < solid.x_from || x > solid.x_to || y < solid.y_from || y > solid.y_to) continue;
    const Vec3 along = turned(solid.rotation, direction);
    const Span span = span_of(solid.shape, vec(solid.half), vec(solid.from), along);
    const float t = solid.shape == RaycastShape::kRoom ? span.out : span.in;
    if (span.in < span.out && t > 0 && t < best) {
      best = t;
      first = at;
    }
  }
  *depth = best;
  return first;
}

VGGT_RAYCAST_FUNCTION Vec3 direction_at(const SeenView& view, float x, float y) {
  return {(x - view.cx) * view.inverse_fx, (y - view.cy) * view.inverse_fy, 1};
}

/// The faces of two hits are the same: colours differ little from one to the other.
VGGT_RAYCAST_FUNCTION bool same_face(int32_t a, Vec3 normal_a, int32_t b, Vec3 normal_b) {
  constexpr float kSameFace = 0.9F;  // cosine
  return a == b && (a < 0 || dot(normal_a, normal_b) >= kSameFace);
}

/// What a view's ray through pixel coordinates (x, y) shows, which meets the solid at position
/// `first` of the view's list at this depth; -1: none.
/// known  a hit beside this one, whose colour is taken where the face is the same; null: none
VGGT_RAYCAST_FUNCTION Hit hit_of(const Trace& trace,
                                 const SeenView& view,
                                 int32_t first,
                                 float depth,
                                 float x,
                                 float y,
                                 const Hit* known) {
  Hit hit;
  const Vec3 in_cam = direction_at(view, x, y);
  const Vec3 direction = turned(view.world_from_cam, in_cam);
  if (first < 0) {
    const bool is_known = known && known->primitive < 0;
    hit.colour = is_known ? known->colour : sky_colour(trace, direction);
    return hit;
  }
  const SeenSolid& seen_solid = trace.seen[view.first_solid + first];
  const Solid& solid = trace.solids[seen_solid.index];
  const Vec3 along = turned(seen_solid.rotation, in_cam);
  const Vec3 local = vec(seen_solid.from) + depth * along;
  const Place place = place_on(solid.shape, vec(solid.half), local);
  hit.depth = depth;
  hit.primitive = trace.primitive_of_solid[seen_solid.index];
  hit.normal = turned(solid.rotation, place.normal);
  if (solid.shape == RaycastShape::kRoom) hit.normal = -1.0F * hit.normal;
  if (known && same_face(hit.primitive, hit.normal, known->primitive, known->normal)) {
    hit.colour = known->colour;
    return hit;
  }
  hit.colour = surface_colour(trace,
                              solid,
                              place,
                              vec(view.centre) + depth * direction,
                              hit.normal,
                              direction,
                              along,
                              depth * view.inverse_fx);
  return hit;
}

/// first_solid() and hit_of() of one ray.
VGGT_RAYCAST_FUNCTION Hit cast(const Trace& trace,
                               const SeenView& view,
                               const int32_t* candidates,
                               int32_t count,
                               float x,
                               float y,
                               const Hit* known) {
  float depth = 0;
  const Vec3 direction = direction_at(view, x, y);
  const int32_t first =
      first_solid(trace.seen + view.first_solid, candidates, count, x, y, direction, &depth);
  return hit_of(trace, view, first, depth, x, y, known);
}

// --- Outlines ------------------------------------------------------------------------------------

/// A pixel at an outline is the mean of several rays: its own and these. A ray that meets the same
/// face as the own one takes its colour.
constexpr int kExtraRays = 3;

/// The pixel coordinates of the extra ray `i` of the pixel with this centre. With the centre a
/// rotated grid: no two in one row or column.
VGGT_RAYCAST_FUNCTION void extra_ray(int i, float centre_x, float centre_y, float* x, float* y) {
  const float dx[kExtraRays] = {-0.375F, 0.125F, 0.3F};
  const float dy[kExtraRays] = {0.125F, -0.375F, 0.3F};
  *x = centre_x + dx[i];
  *y = centre_y + dy[i];
}

/// The sum of all rays' colours as the pixel's.
VGGT_RAYCAST_FUNCTION Vec3 mean_of_rays(Vec3 sum) { return (1.0F / (kExtraRays + 1)) * sum; }

}  // namespace vggt::kernels::raycast_detail
