// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/rigid.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vggt {
namespace {

std::array<double, 3> rotated(const std::array<double, 9>& rotation,
                              const std::array<double, 3>& x) {
  std::array<double, 3> result;
  for (int row = 0; row < 3; ++row) {
    result[row] =
        rotation[3 * row] * x[0] + rotation[3 * row + 1] * x[1] + rotation[3 * row + 2] * x[2];
  }
  return result;
}

}  // namespace

Rigid rigid_from_quaternion(const std::array<double, 4>& xyzw,
                            const std::array<double, 3>& translation) {
  const auto& [x, y, z, w] = xyzw;
  const double s = 2 / (x * x + y * y + z * z + w * w);
  return {{1 - s * (y * y + z * z),
           s * (x * y - z * w),
           s * (x * z + y * w),
           s * (x * y + z * w),
           1 - s * (x * x + z * z),
           s * (y * z - x * w),
           s * (x * z - y * w),
           s * (y * z + x * w),
           1 - s * (x * x + y * y)},
          translation};
}

Rigid operator*(const Rigid& c_from_b, const Rigid& b_from_a) {
  Rigid result;
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      double sum = 0;
      for (int k = 0; k < 3; ++k) {
        sum += c_from_b.rotation[3 * row + k] * b_from_a.rotation[3 * k + column];
      }
      result.rotation[3 * row + column] = sum;
    }
  }
  result.translation = rotated(c_from_b.rotation, b_from_a.translation);
  for (int k = 0; k < 3; ++k) result.translation[k] += c_from_b.translation[k];
  return result;
}

Rigid inverse(const Rigid& b_from_a) {
  Rigid result;
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      result.rotation[3 * row + column] = b_from_a.rotation[3 * column + row];
    }
  }
  result.translation = rotated(result.rotation, b_from_a.translation);
  for (double& value : result.translation) value = -value;
  return result;
}

double orthonormal_error(const std::array<double, 9>& matrix) {
  double worst = 0;
  for (size_t a = 0; a < 3; ++a) {
    for (size_t b = 0; b < 3; ++b) {
      double product = a == b ? -1 : 0;
      for (size_t k = 0; k < 3; ++k) product += matrix[3 * a + k] * matrix[3 * b + k];
      if (!std::isfinite(product)) return std::numeric_limits<double>::infinity();
      worst = std::max(worst, std::abs(product));
    }
  }
  return worst;
}

double determinant(const std::array<double, 9>& m) {
  return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
         m[2] * (m[3] * m[7] - m[4] * m[6]);
}

bool is_rotation(const std::array<double, 9>& matrix, double tolerance) {
  return orthonormal_error(matrix) <= tolerance && determinant(matrix) > 0;
}

double rotation_angle(const std::array<double, 9>& r) {
  const double x = r[7] - r[5];
  const double y = r[2] - r[6];
  const double z = r[3] - r[1];
  return std::atan2(std::sqrt(x * x + y * y + z * z), r[0] + r[4] + r[8] - 1);
}

Rigid cam_from_world(const Camera& camera) { return {camera.rotation, camera.translation}; }

Camera placed(Camera camera, const Rigid& cam_from_world) {
  camera.rotation = cam_from_world.rotation;
  camera.translation = cam_from_world.translation;
  return camera;
}

}  // namespace vggt
