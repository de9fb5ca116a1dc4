// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "kernels/conv3x3/conv3x3.h"

namespace vggt::kernels {

at::Tensor conv3x3_reference(const at::Tensor& x,
                             const at::Tensor& weight,
                             const at::Tensor& bias,
                             const Conv3x3Options& options) {
  at::Tensor map = x.permute({0, 3, 1, 2});
  if (options.rows > 0) {
    map = at::upsample_bilinear2d(map, {options.rows, options.columns}, /*align_corners=*/true);
  }
  if (options.position.by_column.defined()) {
    const int64_t half = map.size(1) / 2;
    map = at::cat({map.slice(1, 0, half) + options.position.by_column.t().unsqueeze(1),
                   map.slice(1, half) + options.position.by_row.t().unsqueeze(2)},
                  1);
  }
  at::Tensor y = at::conv2d(map, weight, bias, {1, 1}, {1, 1}).permute({0, 2, 3, 1});
  if (options.added.defined()) y = y + options.added;
  if (options.also_added.defined()) y = y + options.also_added;
  return options.relu ? at::relu(y) : y;
}

}  // namespace vggt::kernels
