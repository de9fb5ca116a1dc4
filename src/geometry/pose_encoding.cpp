// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/pose_encoding.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "src/base/error.h"
#include "src/geometry/rotation.h"

namespace vggt {

CameraMatrices matrices_of(const Camera& camera) {
  CameraMatrices matrices;
  matrices.extrinsics = at::cat({at::tensor(camera.rotation, at::kDouble).view({3, 3}),
                                 at::tensor(camera.translation, at::kDouble).view({3, 1})},
                                1);
  matrices.intrinsics =
      at::tensor({camera.fx_px, 0.0, camera.cx_px, 0.0, camera.fy_px, camera.cy_px, 0.0, 0.0, 1.0},
                 at::kDouble)
          .view({3, 3});
  return matrices;
}

CameraMatrices decode_pose(const at::Tensor& encoding, int64_t image_height, int64_t image_width) {
  CameraMatrices cameras;
  cameras.extrinsics = at::cat(
      {matrix_from_quaternion(encoding.slice(-1, 3, 7)), encoding.slice(-1, 0, 3).unsqueeze(-1)},
      -1);
  const double half_height = static_cast<double>(image_height) / 2;
  const double half_width = static_cast<double>(image_width) / 2;
  std::vector<int64_t> shape = encoding.sizes().vec();
  shape.back() = 3;
  shape.push_back(3);
  cameras.intrinsics = at::zeros(shape, encoding.options().dtype(at::kFloat));
  const auto set = [&](int64_t row, int64_t column, const at::Tensor& value) {
    cameras.intrinsics.select(-2, row).select(-1, column).copy_(value);
  };
  const auto constant = [&](double value) { return at::scalar_tensor(value, at::kFloat); };
  set(0, 0, half_width / (encoding.select(-1, 8) / 2).tan());
  set(1, 1, half_height / (encoding.select(-1, 7) / 2).tan());
  set(0, 2, constant(half_width));
  set(1, 2, constant(half_height));
  set(2, 2, constant(1));
  return cameras;
}

at::Tensor encode_pose(const CameraMatrices& cameras, int64_t image_height, int64_t image_width) {
  const auto fov = [&](int64_t axis, int64_t size) {
    const at::Tensor focal = cameras.intrinsics.select(-2, axis).select(-1, axis);
    return (2 * at::atan((static_cast<double>(size) / 2) / focal)).unsqueeze(-1).to(at::kFloat);
  };
  const at::Tensor rotation = cameras.extrinsics.slice(-1, 0, 3);
  return at::cat({cameras.extrinsics.select(-1, 3).to(at::kFloat),
                  quaternion_from_matrix(rotation).to(at::kFloat),
                  fov(1, image_height),
                  fov(0, image_width)},
                 -1);
}

std::vector<Camera> cameras_from_pose(const at::Tensor& encoding,
                                      int64_t image_height,
                                      int64_t image_width) {
  const at::Tensor values = encoding.to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor rotations = matrix_from_quaternion(values.slice(1, 3, 7)).contiguous();
  const double* value = values.const_data_ptr<double>();
  const double* rotation = rotations.const_data_ptr<double>();
  std::vector<Camera> cameras(static_cast<size_t>(values.size(0)));
  for (size_t i = 0; i < cameras.size(); ++i, value += 9, rotation += 9) {
    const std::string frame = "camera of frame " + std::to_string(i);
    bool finite = true;
    for (int j = 0; j < 9; ++j)
      finite = finite && std::isfinite(value[j]) && std::isfinite(rotation[j]);
    if (!finite)
      throw ModelError(frame, "the network's pose holds NaN, infinity or a zero quaternion");
    const double fov_height = value[7];
    const double fov_width = value[8];
    if (!(fov_height > 0 && fov_height < std::numbers::pi && fov_width > 0 &&
          fov_width < std::numbers::pi)) {
      throw ModelError(frame,
                       "the network's angle of view is " + std::to_string(fov_width) + " x " +
                           std::to_string(fov_height) + " rad, outside (0, pi)");
    }
    Camera& camera = cameras[i];
    camera.width_px = image_width;
    camera.height_px = image_height;
    camera.cx_px = static_cast<double>(image_width) / 2;
    camera.cy_px = static_cast<double>(image_height) / 2;
    camera.fx_px = camera.cx_px / std::tan(fov_width / 2);
    camera.fy_px = camera.cy_px / std::tan(fov_height / 2);
    std::copy_n(rotation, 9, camera.rotation.begin());
    std::copy_n(value, 3, camera.translation.begin());
  }
  return cameras;
}

}  // namespace vggt
