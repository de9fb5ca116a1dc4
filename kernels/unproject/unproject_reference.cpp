// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "kernels/unproject/unproject.h"

namespace vggt::kernels {

at::Tensor unproject_reference(const at::Tensor& depth,
                               const at::Tensor& extrinsics,
                               const at::Tensor& intrinsics,
                               at::ScalarType out_dtype) {
  const at::Tensor z = depth.to(at::kDouble);
  const at::Tensor k = intrinsics.to(at::kDouble);
  const auto entry = [&](int64_t row, int64_t column) {
    return k.select(1, row).select(1, column).view({-1, 1, 1});
  };
  const at::Tensor u = at::arange(depth.size(2), z.options()).view({1, 1, -1});
  const at::Tensor v = at::arange(depth.size(1), z.options()).view({1, -1, 1});
  const at::Tensor in_cam =
      at::stack({(u - entry(0, 2)) * z / entry(0, 0), (v - entry(1, 2)) * z / entry(1, 1), z}, 3)
          .to(at::kFloat)
          .to(at::kDouble);
  const at::Tensor rotation = extrinsics.slice(2, 0, 3);
  const at::Tensor centre =
      at::matmul(rotation.transpose(1, 2), extrinsics.slice(2, 3, 4));  // R^T t
  const at::Tensor in_world = at::matmul(in_cam.flatten(1, 2), rotation.to(at::kDouble)) -
                              centre.to(at::kDouble).transpose(1, 2);
  return in_world.view(in_cam.sizes()).to(out_dtype);
}

}  // namespace vggt::kernels
