// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "src/geometry/camera.h"

namespace vggt {

/// A rigid transform b_from_a: x_in_b = rotation * x_in_a + translation. Plain double arithmetic
/// for the few poses of a scene; tensors of them have geometry/rotation.h.
struct Rigid {
  std::array<double, 9> rotation = {1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< row-major
  std::array<double, 3> translation = {0, 0, 0};
};

/// c_from_a of c_from_b and b_from_a.
Rigid operator*(const Rigid& c_from_b, const Rigid& b_from_a);

/// [R^T | -R^T t]
Rigid inverse(const Rigid& b_from_a);

/// How far a row-major matrix is from orthonormal rows: the largest entry of |R R^T - 1|; infinity
/// if not all of it is finite. A reflection is orthonormal, too: see determinant().
double orthonormal_error(const std::array<double, 9>& matrix);

/// Of a row-major matrix: 1 for a rotation, -1 for a reflection.
double determinant(const std::array<double, 9>& matrix);

/// Whether a row-major matrix is a rotation, to `tolerance` in orthonormal_error().
bool is_rotation(const std::array<double, 9>& matrix, double tolerance);

/// How far a rotation turns, in radians, [0, pi]: atan2 of its sine and cosine, exact to rounding
/// at both ends, unlike the arc cosine.
double rotation_angle(const std::array<double, 9>& rotation);

/// Of a quaternion of any length but zero, and a translation.
Rigid rigid_from_quaternion(const std::array<double, 4>& xyzw,
                            const std::array<double, 3>& translation);

Rigid cam_from_world(const Camera& camera);

/// `camera` with another place in the world.
Camera placed(Camera camera, const Rigid& cam_from_world);

}  // namespace vggt
