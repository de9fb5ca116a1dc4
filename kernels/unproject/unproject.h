// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt::kernels {

/// World points of depth maps. Pixel (u, v) means the integer indices, without half a pixel: the
/// model was trained so, and its principal point is half the image size.
///
/// depth       [S, H, W], along the optical axis; zero and negative depths are not masked
/// extrinsics  [S, 3, 4] cam_from_world
/// intrinsics  [S, 3, 3], without skew
/// out_dtype   double or float
/// Returns [S, H, W, 3] in out_dtype, on the device of the depth. Camera points are rounded to
/// float32 on the way, R^T t is computed in the dtype of the extrinsics: the original's arithmetic.
/// Throws c10::Error if a shape does not fit. Does not synchronise.
///
/// From float depth to float points it is one pass over memory, on a CPU and on a GPU; else the
/// reference.
at::Tensor unproject(const at::Tensor& depth,
                     const at::Tensor& extrinsics,
                     const at::Tensor& intrinsics,
                     at::ScalarType out_dtype);

/// The same in plain ATen.
at::Tensor unproject_reference(const at::Tensor& depth,
                               const at::Tensor& extrinsics,
                               const at::Tensor& intrinsics,
                               at::ScalarType out_dtype);

}  // namespace vggt::kernels
