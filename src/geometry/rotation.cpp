// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/rotation.h"

#include <ATen/ATen.h>

namespace vggt {

at::Tensor matrix_from_quaternion(const at::Tensor& quaternion) {
  const auto parts = quaternion.unbind(-1);
  const at::Tensor &x = parts[0], &y = parts[1], &z = parts[2], &w = parts[3];
  const at::Tensor s = 2.0 / (quaternion * quaternion).sum(-1);
  return at::stack({1 - s * (y * y + z * z),
                    s * (x * y - z * w),
                    s * (x * z + y * w),
                    s * (x * y + z * w),
                    1 - s * (x * x + z * z),
                    s * (y * z - x * w),
                    s * (x * z - y * w),
                    s * (y * z + x * w),
                    1 - s * (x * x + y * y)},
                   -1)
      .unflatten(-1, {3, 3});
}

at::Tensor quaternion_from_matrix(const at::Tensor& matrix) {
  const auto m = matrix.flatten(-2).unbind(-1);  // row-major
  // Twice the absolute value of w, x, y, z.
  const at::Tensor magnitude = at::stack({1 + m[0] + m[4] + m[8],
                                          1 + m[0] - m[4] - m[8],
                                          1 - m[0] + m[4] - m[8],
                                          1 - m[0] - m[4] + m[8]},
                                         -1)
                                   .clamp_min(0)
                                   .sqrt();
  const auto q = magnitude.unbind(-1);
  // Row c: (w, x, y, z) times twice component c.
  const at::Tensor scaled =
      at::stack({at::stack({q[0] * q[0], m[7] - m[5], m[2] - m[6], m[3] - m[1]}, -1),
                 at::stack({m[7] - m[5], q[1] * q[1], m[3] + m[1], m[2] + m[6]}, -1),
                 at::stack({m[2] - m[6], m[3] + m[1], q[2] * q[2], m[5] + m[7]}, -1),
                 at::stack({m[3] - m[1], m[6] + m[2], m[7] + m[5], q[3] * q[3]}, -1)},
                -2);
  const at::Tensor candidates = scaled / (2 * magnitude.clamp_min(0.1)).unsqueeze(-1);
  const at::Tensor best = magnitude.argmax(-1, true).unsqueeze(-1);
  std::vector<int64_t> index_shape = best.sizes().vec();
  index_shape.back() = 4;
  const at::Tensor wxyz = candidates.gather(-2, best.expand(index_shape)).squeeze(-2);
  const at::Tensor xyzw = at::cat({wxyz.slice(-1, 1), wxyz.slice(-1, 0, 1)}, -1);
  return at::where(xyzw.slice(-1, 3) < 0, -xyzw, xyzw);
}

at::Tensor inverse_se3(const at::Tensor& transform) {
  const at::Tensor rotation = transform.slice(-2, 0, 3).slice(-1, 0, 3).transpose(-2, -1);
  const at::Tensor translation = -at::matmul(rotation, transform.slice(-2, 0, 3).slice(-1, 3, 4));
  std::vector<int64_t> row_shape = transform.sizes().vec();
  row_shape[row_shape.size() - 2] = 1;
  row_shape.back() = 4;
  const at::Tensor last = at::tensor({0, 0, 0, 1}, transform.options()).expand(row_shape);
  return at::cat({at::cat({rotation, translation}, -1), last}, -2);
}

}  // namespace vggt
