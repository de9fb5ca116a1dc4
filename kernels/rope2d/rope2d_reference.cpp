// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "kernels/rope2d/rope2d.h"

namespace vggt::kernels {

at::Tensor rope2d_reference(const at::Tensor& x, const RopeTables& tables) {
  const int64_t quarter = x.size(3) / 4;
  // [B, N, A, axis, half, quarter]; the tables have no half and are the same for every head.
  const at::Tensor parts = x.unflatten(3, {2, 2, quarter});
  const at::Tensor first = parts.select(4, 0);
  const at::Tensor second = parts.select(4, 1);
  const at::Tensor cos = tables.cos.unflatten(2, {2, quarter}).unsqueeze(2);
  const at::Tensor sin = tables.sin.unflatten(2, {2, quarter}).unsqueeze(2);
  return at::stack(
             {at::addcmul(first * cos, second, sin, -1), at::addcmul(second * cos, first, sin)}, 4)
      .flatten(3);
}

}  // namespace vggt::kernels
