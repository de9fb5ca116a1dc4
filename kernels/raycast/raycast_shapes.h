// SPDX-License-Identifier: Apache-2.0
// Boxes, ellipsoids and frusta in their own frames: where a ray is inside them, how far a point is
// from them, and what their surface is like there. Rules as in raycast_trace.h: CPU and CUDA,
// float32.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/raycast/raycast_scene.h"

#ifdef __CUDACC__
#define VGGT_RAYCAST_FUNCTION __host__ __device__ __forceinline__
#else
#define VGGT_RAYCAST_FUNCTION inline
#endif

namespace vggt::kernels::raycast_detail {

struct Vec3 {
  float x = 0;
  float y = 0;
  float z = 0;
};

VGGT_RAYCAST_FUNCTION Vec3 vec(const float* v) { return {v[0], v[1], v[2]}; }
VGGT_RAYCAST_FUNCTION Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
VGGT_RAYCAST_FUNCTION Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
VGGT_RAYCAST_FUNCTION Vec3 operator*(Vec3 a, Vec3 b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
VGGT_RAYCAST_FUNCTION Vec3 operator*(float s, Vec3 a) { return {s * a.x, s * a.y, s * a.z}; }
VGGT_RAYCAST_FUNCTION float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
VGGT_RAYCAST_FUNCTION float least(float a, float b) { return a < b ? a : b; }
VGGT_RAYCAST_FUNCTION float most(float a, float b) { return a > b ? a : b; }
VGGT_RAYCAST_FUNCTION float clamp01(float a) { return most(0.0F, least(1.0F, a)); }
VGGT_RAYCAST_FUNCTION Vec3 unit(Vec3 a) { return (1.0F / std::sqrt(most(dot(a, a), 1e-30F))) * a; }

/// matrix * v; matrix row-major
VGGT_RAYCAST_FUNCTION Vec3 turned(const float* m, Vec3 v) {
  return {m[0] * v.x + m[1] * v.y + m[2] * v.z,
          m[3] * v.x + m[4] * v.y + m[5] * v.z,
          m[6] * v.x + m[7] * v.y + m[8] * v.z};
}

/// matrix^T * v
VGGT_RAYCAST_FUNCTION Vec3 turned_back(const float* m, Vec3 v) {
  return {m[0] * v.x + m[3] * v.y + m[6] * v.z,
          m[1] * v.x + m[4] * v.y + m[7] * v.z,
          m[2] * v.x + m[5] * v.y + m[8] * v.z};
}

constexpr float kFar = 3e37F;

// The spans are without branches, so that a compiler can follow several rays at once.

/// Where a ray is inside a solid: from `in` to `out`, in lengths of its direction; none: in >= out.
struct Span {
  float in = kFar;
  float out = -kFar;
};

// A direction along a face has an infinite reciprocal, and 0 times that is no number.
VGGT_RAYCAST_FUNCTION float reciprocal(float v) {
  constexpr float kTiny = 1e-20F;
  return 1.0F / (v >= 0 ? most(v, kTiny) : least(v, -kTiny));
}

VGGT_RAYCAST_FUNCTION Span box_span(Vec3 half, Vec3 from, Vec3 along) {
  const Vec3 inverse = {reciprocal(along.x), reciprocal(along.y), reciprocal(along.z)};
  const Vec3 middle = {-from.x * inverse.x, -from.y * inverse.y, -from.z * inverse.z};
  const Vec3 reach = {
      half.x * std::fabs(inverse.x), half.y * std::fabs(inverse.y), half.z * std::fabs(inverse.z)};
  return {most(most(middle.x - reach.x, middle.y - reach.y), middle.z - reach.z),
          least(least(middle.x + reach.x, middle.y + reach.y), middle.z + reach.z)};
}

// From the point of the ray nearest to the centre: the textbook's b^2 - a c loses all digits for a
// small solid far away (Haines et al., "Precision improvements for ray / sphere intersection",
// 2019).
VGGT_RAYCAST_FUNCTION Span ellipsoid_span(Vec3 half, Vec3 from, Vec3 along) {
  const Vec3 inverse = {1.0F / half.x, 1.0F / half.y, 1.0F / half.z};
  const Vec3 o = from * inverse;
  const Vec3 d = along * inverse;
  const float a = 1.0F / dot(d, d);
  const float nearest = -dot(o, d) * a;
  const Vec3 q = o + nearest * d;
  const float left = 1.0F - dot(q, q);
  const float reach = std::sqrt(most(left * a, 0));
  return {left > 0 ? nearest - reach : kFar, left > 0 ? nearest + reach : -kFar};
}

/// Of the frustum's axis: radius = middle + slope * z.
VGGT_RAYCAST_FUNCTION float frustum_slope(Vec3 half) { return (half.y - half.x) / (2 * half.z); }

VGGT_RAYCAST_FUNCTION Span frustum_span(Vec3 half, Vec3 from, Vec3 along) {
  const float start = -dot(from, along) / dot(along, along);
  const Vec3 o = from + start * along;  // near the solid, as above
  const float slope = frustum_slope(half);
  const float radius = 0.5F * (half.x + half.y) + slope * o.z;
  const float growth = slope * along.z;
  const float a = along.x * along.x + along.y * along.y - growth * growth;
  const float b = o.x * along.x + o.y * along.y - radius * growth;
  const float c = o.x * o.x + o.y * o.y - radius * radius;
  Span span;
  const auto meet = [&](bool does, float t) {
    span.in = least(span.in, does ? t : kFar);
    span.out = most(span.out, does ? t : -kFar);
  };
  const float left = b * b - a * c;
  const float root = std::sqrt(most(left, 0));
  // Both roots without a difference of near numbers.
  const float sum = -(b + (b >= 0 ? root : -root));
  const auto meet_side = [&](float t) {
    const bool within_ends = std::fabs(o.z + t * along.z) <= half.z;
    meet((left > 0) & within_ends & (radius + t * growth >= 0), t);
  };
  meet_side(sum * reciprocal(a));
  meet_side(c * reciprocal(sum));
  const float inverse = reciprocal(along.z);
  const auto meet_end = [&](float z, float of_end) {
    const float t = (z - o.z) * inverse;
    const float x = o.x + t * along.x;
    const float y = o.y + t * along.y;
    meet(x * x + y * y <= of_end * of_end, t);
  };
  meet_end(-half.z, half.x);
  meet_end(half.z, half.y);
  return {span.in + start, span.out + start};
}

VGGT_RAYCAST_FUNCTION Span span_of(RaycastShape shape, Vec3 half, Vec3 from, Vec3 along) {
  if (shape == RaycastShape::kEllipsoid) return ellipsoid_span(half, from, along);
  if (shape == RaycastShape::kFrustum) return frustum_span(half, from, along);
  return box_span(half, from, along);
}

/// About how far a point is from a solid; negative inside. Exact for boxes, else a little less or
/// more.
VGGT_RAYCAST_FUNCTION float distance_to(RaycastShape shape, Vec3 half, Vec3 p) {
  if (shape == RaycastShape::kEllipsoid) {
    const Vec3 scaled = {p.x / half.x, p.y / half.y, p.z / half.z};
    return (std::sqrt(dot(scaled, scaled)) - 1) * least(least(half.x, half.y), half.z);
  }
  Vec3 q = {std::fabs(p.x) - half.x, std::fabs(p.y) - half.y, std::fabs(p.z) - half.z};
  if (shape == RaycastShape::kRoom) return -most(most(q.x, q.y), q.z);
  if (shape == RaycastShape::kFrustum) {
    const float z = most(-half.z, least(half.z, p.z));
    q.x = std::sqrt(p.x * p.x + p.y * p.y) - 0.5F * (half.x + half.y) - frustum_slope(half) * z;
    q.y = -kFar;
  }
  const Vec3 outside = {most(q.x, 0), most(q.y, 0), most(q.z, 0)};
  return std::sqrt(dot(outside, outside)) + least(0, most(most(q.x, q.y), q.z));
}

/// A place on a solid's surface.
struct Place {
  Vec3 normal;  ///< outward, in the solid's frame
  Vec3 u_axis;  ///< the texture's axes there, unit
  Vec3 v_axis;
  float u, v;    ///< along them, scene units
  float u_half;  ///< of the face of a box
  float v_half;
  int32_t part;  ///< 0 side, 1 +z, 2 -z
};

/// The angle of (x, y) in turns, within 1e-5; in [0, 1).
VGGT_RAYCAST_FUNCTION float turns_of(float x, float y) {
  const float ax = std::fabs(x);
  const float ay = std::fabs(y);
  const float r = least(ax, ay) / most(most(ax, ay), 1e-30F);
  const float s = r * r;
  // Abramowitz and Stegun 4.4.49, divided by 2 pi.
  float angle = 0.00838004F + s * -0.00186549F;
  angle = -0.0185309F + s * angle;
  angle = r * (0.1591513F + s * (-0.0529387F + s * (0.0308034F + s * angle)));
  if (ay > ax) angle = 0.25F - angle;
  if (x < 0) angle = 0.5F - angle;
  if (y < 0) angle = 1.0F - angle;
  return angle < 1 ? angle : 0;
}

VGGT_RAYCAST_FUNCTION Place box_place(Vec3 half, Vec3 p) {
  const Vec3 q = {std::fabs(p.x) - half.x, std::fabs(p.y) - half.y, std::fabs(p.z) - half.z};
  Place place{};
  // Upright pictures stand upright and are not mirrored, seen from outside.
  if (q.z >= q.x && q.z >= q.y) {
    const float sign = p.z >= 0 ? 1.0F : -1.0F;
    place = {{0, 0, sign}, {1, 0, 0}, {0, -sign, 0}, p.x, -sign * p.y, half.x, half.y, 0};
    place.part = p.z >= 0 ? 1 : 2;
  } else if (q.x >= q.y) {
    const float sign = p.x >= 0 ? 1.0F : -1.0F;
    place = {{sign, 0, 0}, {0, sign, 0}, {0, 0, -1}, sign * p.y, -p.z, half.y, half.z, 0};
  } else {
    const float sign = p.y >= 0 ? 1.0F : -1.0F;
    place = {{0, sign, 0}, {-sign, 0, 0}, {0, 0, -1}, -sign * p.x, -p.z, half.x, half.z, 0};
  }
  return place;
}

VGGT_RAYCAST_FUNCTION Place ellipsoid_place(Vec3 half, Vec3 p) {
  // The texture is projected along the axis that the surface faces most.
  Place place = box_place({0, 0, 0}, {p.x / half.x, p.y / half.y, p.z / half.z});
  place.u = dot(place.u_axis, p);
  place.v = dot(place.v_axis, p);
  place.normal = unit({p.x / (half.x * half.x), p.y / (half.y * half.y), p.z / (half.z * half.z)});
  place.part = 0;
  return place;
}

VGGT_RAYCAST_FUNCTION Place frustum_place(Vec3 half, Vec3 p) {
  const float slope = frustum_slope(half);
  const float radius = 0.5F * (half.x + half.y) + slope * p.z;
  const float around = std::sqrt(p.x * p.x + p.y * p.y);
  // Off the side by the cosine of its tilt.
  const float off_side = (around - radius) / std::sqrt(1 + slope * slope);
  Place place{};
  if (std::fabs(p.z) - half.z >= off_side) {
    place = box_place({kFar, kFar, half.z}, p);
    place.u_half = place.v_half = p.z >= 0 ? half.y : half.x;
    return place;
  }
  constexpr float kTurn = 6.2831853F;
  const float inverse = 1.0F / most(around, 1e-30F);
  const Vec3 outward = {p.x * inverse, p.y * inverse, 0};
  place.normal = unit({outward.x, outward.y, -slope});
  place.u_axis = {-outward.y, outward.x, 0};
  place.v_axis = {0, 0, -1};
  place.u_half = 0.5F * kTurn * most(half.x, half.y);
  place.v_half = half.z;
  // From -u_half to u_half around, so that a texture that fills it has one seam.
  place.u = (2 * turns_of(p.x, p.y) - 1) * place.u_half;
  place.v = -p.z;
  return place;
}

VGGT_RAYCAST_FUNCTION Place place_on(RaycastShape shape, Vec3 half, Vec3 p) {
  if (shape == RaycastShape::kEllipsoid) return ellipsoid_place(half, p);
  if (shape == RaycastShape::kFrustum) return frustum_place(half, p);
  return box_place(half, p);
}

}  // namespace vggt::kernels::raycast_detail
