// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>

namespace vggt::synthetic {

using Vector = std::array<double, 3>;
using Matrix = std::array<double, 9>;  // row-major

inline constexpr double kPi = 3.14159265358979323846;
inline constexpr double kDegree = kPi / 180;
inline constexpr Matrix kIdentity = {1, 0, 0, 0, 1, 0, 0, 0, 1};

inline Vector operator+(const Vector& a, const Vector& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
inline Vector operator-(const Vector& a, const Vector& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
inline Vector operator*(double s, const Vector& a) { return {s * a[0], s * a[1], s * a[2]}; }
inline double dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
inline Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
inline double length(const Vector& a) { return std::sqrt(dot(a, a)); }
inline Vector unit(const Vector& a) { return (1 / length(a)) * a; }

inline Vector operator*(const Matrix& m, const Vector& v) {
  return {m[0] * v[0] + m[1] * v[1] + m[2] * v[2],
          m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
          m[6] * v[0] + m[7] * v[1] + m[8] * v[2]};
}
inline Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix product{};
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      for (int k = 0; k < 3; ++k) product[3 * row + column] += a[3 * row + k] * b[3 * k + column];
    }
  }
  return product;
}

struct SineCosine {
  double sine;
  double cosine;
};

/// By additions and multiplications alone, within 1e-15: the same bits on every machine, unlike
/// those of a C library.
inline SineCosine sine_cosine(double angle) {
  const double quarters = std::floor(angle / (kPi / 2) + 0.5);
  const double r = angle - quarters * (kPi / 2);
  const double s = r * r;
  double sine = 1;
  double cosine = 1;
  for (int k = 16; k >= 2; k -= 2) {  // Taylor series; |r| is at most pi / 4
    sine = 1 - s / (k * (k + 1)) * sine;
    cosine = 1 - s / (k * (k - 1)) * cosine;
  }
  sine *= r;
  switch (static_cast<int64_t>(quarters - 4 * std::floor(quarters / 4))) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

inline Matrix about_z(double angle) {
  const auto [s, c] = sine_cosine(angle);
  return {c, -s, 0, s, c, 0, 0, 0, 1};
}
inline Matrix about_x(double angle) {
  const auto [s, c] = sine_cosine(angle);
  return {1, 0, 0, 0, c, -s, 0, s, c};
}
inline Matrix about_y(double angle) {
  const auto [s, c] = sine_cosine(angle);
  return {c, 0, s, 0, 1, 0, -s, 0, c};
}

}  // namespace vggt::synthetic
