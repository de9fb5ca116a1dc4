// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt {

/// Quaternions [..., 4] (x, y, z, w), of any length but zero (which gives NaN), to rotation
/// matrices [..., 3, 3].
at::Tensor matrix_from_quaternion(const at::Tensor& quaternion);

/// Rotation matrices [..., 3, 3] to unit quaternions [..., 4] (x, y, z, w) with w >= 0. Of the four
/// ways to compute it the one with the largest divisor is taken, on ties the first of w, x, y, z.
at::Tensor quaternion_from_matrix(const at::Tensor& matrix);

/// Inverse of rigid transforms [..., 3, 4] or [..., 4, 4]: [..., 4, 4].
at::Tensor inverse_se3(const at::Tensor& transform);

}  // namespace vggt
