// SPDX-License-Identifier: Apache-2.0
// Brute force in float64, by other formulas than raycast_trace.h: a box is six rectangles, an
// ellipsoid the sphere's quadratic equation in scaled coordinates, a frustum its cone and two
// discs.
#include <ATen/ATen.h>

#include <array>
#include <cmath>

#include "kernels/raycast/raycast.h"

namespace vggt::kernels {
namespace {

using Vector = std::array<double, 3>;

struct Found {
  double depth = 0;  ///< 0: none
  Vector normal{};   ///< in the frame of what was found, outward
};

void keep_nearest(Found* found, double t, const Vector& normal) {
  if (t > 0 && (found->depth == 0 || t < found->depth)) *found = {t, normal};
}

Vector at(const Vector& from, const Vector& along, double t) {
  return {from[0] + t * along[0], from[1] + t * along[1], from[2] + t * along[2]};
}

Found meet_box(const double* half, const Vector& from, const Vector& along, bool inside) {
  Found found;
  for (int axis = 0; axis < 3; ++axis) {
    for (const double side : {-1.0, 1.0}) {
      // From inside, the faces that the ray leaves by; from outside, those it enters by.
      const bool leaves = along[axis] * side > 0;
      if (along[axis] == 0 || leaves != inside) continue;
      const double t = (side * half[axis] - from[axis]) / along[axis];
      const Vector p = at(from, along, t);
      const int u = (axis + 1) % 3;
      const int v = (axis + 2) % 3;
      if (std::abs(p[u]) > half[u] || std::abs(p[v]) > half[v]) continue;
      Vector normal{};
      normal[axis] = side;
      keep_nearest(&found, t, normal);
    }
  }
  return found;
}

// Roots of a t^2 + 2 b t + c.
std::vector<double> roots(double a, double b, double c) {
  const double left = b * b - a * c;
  if (left <= 0) return {};
  if (a == 0) return {-c / (2 * b)};
  return {(-b - std::sqrt(left)) / a, (-b + std::sqrt(left)) / a};
}

Found meet_ellipsoid(const double* half, const Vector& from, const Vector& along) {
  double a = 0;
  double b = 0;
  double c = -1;
  for (int k = 0; k < 3; ++k) {
    a += along[k] * along[k] / (half[k] * half[k]);
    b += from[k] * along[k] / (half[k] * half[k]);
    c += from[k] * from[k] / (half[k] * half[k]);
  }
  Found found;
  const auto both = roots(a, b, c);
  if (both.empty()) return found;
  const Vector p = at(from, along, both[0]);
  keep_nearest(
      &found,
      both[0],
      {p[0] / (half[0] * half[0]), p[1] / (half[1] * half[1]), p[2] / (half[2] * half[2])});
  return found;
}

Found meet_frustum(const double* half, const Vector& from, const Vector& along) {
  const double slope = (half[1] - half[0]) / (2 * half[2]);
  const double radius = (half[0] + half[1]) / 2 + slope * from[2];
  const double growth = slope * along[2];
  Found found;
  for (const double t : roots(along[0] * along[0] + along[1] * along[1] - growth * growth,
                              from[0] * along[0] + from[1] * along[1] - radius * growth,
                              from[0] * from[0] + from[1] * from[1] - radius * radius)) {
    const Vector p = at(from, along, t);
    const double around = (half[0] + half[1]) / 2 + slope * p[2];
    if (std::abs(p[2]) > half[2] || around < 0) continue;
    keep_nearest(&found, t, {p[0], p[1], -slope * around});
  }
  for (const double side : {-1.0, 1.0}) {
    if (along[2] == 0) continue;
    const double t = (side * half[2] - from[2]) / along[2];
    const Vector p = at(from, along, t);
    const double of_end = side < 0 ? half[0] : half[1];
    if (p[0] * p[0] + p[1] * p[1] > of_end * of_end) continue;
    keep_nearest(&found, t, {0, 0, side});
  }
  return found;
}

Found meet(const RaycastPrimitive& primitive, const Vector& from, const Vector& along) {
  switch (primitive.shape) {
    case RaycastShape::kBox:
      return meet_box(primitive.half, from, along, false);
    case RaycastShape::kRoom: {
      Found found = meet_box(primitive.half, from, along, true);
      for (double& component : found.normal) component = -component;
      return found;
    }
    case RaycastShape::kEllipsoid:
      return meet_ellipsoid(primitive.half, from, along);
    case RaycastShape::kFrustum:
      return meet_frustum(primitive.half, from, along);
  }
  TORCH_INTERNAL_ASSERT(false);
}

// matrix * v, or its transpose's.
Vector turned(const double* m, const Vector& v, bool transposed) {
  Vector result{};
  for (int row = 0; row < 3; ++row) {
    for (int k = 0; k < 3; ++k)
      result[row] += (transposed ? m[3 * k + row] : m[3 * row + k]) * v[k];
  }
  return result;
}

}  // namespace

RaycastPictures raycast_reference(const RaycastScene& scene,
                                  const std::vector<RaycastCamera>& cameras,
                                  int64_t height_px,
                                  int64_t width_px) {
  const auto views = static_cast<int64_t>(cameras.size());
  RaycastPictures pictures;
  pictures.depth = at::zeros({views, height_px, width_px}, at::kDouble);
  pictures.normal = at::zeros({views, 3, height_px, width_px}, at::kDouble);
  pictures.primitive = at::full({views, height_px, width_px}, -1, at::kInt);
  auto depth = pictures.depth.accessor<double, 3>();
  auto normal = pictures.normal.accessor<double, 4>();
  auto primitive = pictures.primitive.accessor<int32_t, 3>();
  for (int64_t view = 0; view < views; ++view) {
    const RaycastCamera& camera = cameras[static_cast<size_t>(view)];
    const Vector minus_t = {-camera.translation[0], -camera.translation[1], -camera.translation[2]};
    const Vector eye = turned(camera.rotation, minus_t, true);
    for (int64_t y = 0; y < height_px; ++y) {
      for (int64_t x = 0; x < width_px; ++x) {
        const Vector in_cam = {(static_cast<double>(x) + 0.5 - camera.cx_px) / camera.fx_px,
                               (static_cast<double>(y) + 0.5 - camera.cy_px) / camera.fy_px,
                               1};
        const Vector direction = turned(camera.rotation, in_cam, true);
        for (size_t i = 0; i < scene.primitives.size(); ++i) {
          const RaycastPrimitive& solid = scene.primitives[i];
          const Vector offset = {
              eye[0] - solid.centre[0], eye[1] - solid.centre[1], eye[2] - solid.centre[2]};
          const Found found = meet(
              solid, turned(solid.rotation, offset, true), turned(solid.rotation, direction, true));
          if (found.depth == 0) continue;
          double& best = depth[view][y][x];
          if (best != 0 && found.depth >= best) continue;
          best = found.depth;
          primitive[view][y][x] = static_cast<int32_t>(i);
          const Vector n = turned(solid.rotation, found.normal, false);
          const double length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
          for (int c = 0; c < 3; ++c) normal[view][c][y][x] = n[c] / length;
        }
      }
    }
  }
  return pictures;
}

}  // namespace vggt::kernels
