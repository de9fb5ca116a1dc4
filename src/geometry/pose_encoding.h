// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "src/geometry/camera.h"

namespace vggt {

/// Cameras as matrices. cam_from_world, OpenCV axes; pixels of the network input.
struct CameraMatrices {
  at::Tensor extrinsics;  ///< [..., 3, 4], dtype of the encoding
  at::Tensor intrinsics;  ///< [..., 3, 3], float32 of an encoding, as the original model gives them
};

/// Of one camera, both double: [3, 4] and [3, 3].
CameraMatrices matrices_of(const Camera& camera);

/// encoding [..., 9]: tx ty tz | qx qy qz qw | fov_height fov_width (full angles, rad). The
/// principal point is the centre of the image. No guards: an angle of 0 gives an infinite focal
/// length, a zero quaternion NaN.
CameraMatrices decode_pose(const at::Tensor& encoding, int64_t image_height, int64_t image_width);

/// The inverse, [..., 9], always float32.
at::Tensor encode_pose(const CameraMatrices& cameras, int64_t image_height, int64_t image_width);

/// encoding [S, 9] to cameras, with guards: throws ModelError naming the frame if a number is not
/// finite, the quaternion is zero or an angle of view is outside (0, pi).
std::vector<Camera> cameras_from_pose(const at::Tensor& encoding,
                                      int64_t image_height,
                                      int64_t image_width);

}  // namespace vggt
