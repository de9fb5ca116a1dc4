// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include <ATen/core/Tensor.h>

namespace vggt {

/// b_from_a with a change of scale: x_in_b = scale * rotation * x_in_a + translation.
struct Similarity {
  double scale = 1;
  std::array<double, 9> rotation = {1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< row-major
  std::array<double, 3> translation = {0, 0, 0};

  /// points [N, 3], any floating type. Returns [N, 3] double.
  at::Tensor apply(const at::Tensor& points) const;
};

struct Alignment {
  Similarity similarity;
  /// The points lie on a line or in one place: the rotation about the line is arbitrary.
  bool degenerate = false;
};

/// The similarity, or with `with_scale` false the rigid transform, that brings `from` closest to
/// `to` in the mean of squared distances; never a reflection.
/// Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns",
/// PAMI 1991.
///
/// from, to  [N, 3], N >= 3, any floating type, computed in double
/// The scale is 1 where the variance of `from` is below 1e-12. Throws c10::Error for other shapes.
Alignment align_points(const at::Tensor& from, const at::Tensor& to, bool with_scale);

}  // namespace vggt
