// SPDX-License-Identifier: Apache-2.0
// Between the pixels of a network input and those of a true depth map, which has its own size.
#pragma once

#include <ATen/core/Tensor.h>

#include "src/geometry/camera.h"
#include "src/pipeline/pixel_map.h"

namespace vggt::eval {

/// A predicted depth map as the true one has its pixels, by bicubic interpolation at their centres.
/// depth    [H, W] float, of the network input that `map` tells of
/// Returns  [true_height, true_width] float; NaN where the network did not see the pixel.
at::Tensor depth_on_truth(const at::Tensor& depth,
                          const PixelMap& map,
                          int64_t true_height,
                          int64_t true_width);

/// Where in the world the true surface is that the centres of the network's pixels look at, by the
/// nearest true depth.
/// depth    [h, w] float, of the whole stored picture; 0, negative or not finite: none
/// camera   the true one, in pixels of the stored picture
/// Returns  [H, W, 3] double; NaN where there is no depth or no picture.
at::Tensor points_on_network(const at::Tensor& depth, const Camera& camera, const PixelMap& map);

}  // namespace vggt::eval
