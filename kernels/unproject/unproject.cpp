// SPDX-License-Identifier: Apache-2.0
#include "kernels/unproject/unproject.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "kernels/common/path.h"
#include "kernels/unproject/unproject_params.h"
#ifdef VGGT_WITH_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/unproject/unproject_launch.h"
#endif

namespace vggt::kernels {
namespace {

// [S, 16] double, a row an UnprojectCamera.
at::Tensor packed_cameras(const at::Tensor& extrinsics, const at::Tensor& intrinsics) {
  static_assert(sizeof(UnprojectCamera) == 16 * sizeof(double));
  const at::Tensor k = intrinsics.to(at::kDouble);
  const at::Tensor rotation = extrinsics.slice(2, 0, 3);
  const at::Tensor centre = at::matmul(rotation.transpose(1, 2), extrinsics.slice(2, 3, 4));
  const auto entry = [&](int64_t row, int64_t column) {
    return k.select(1, row).slice(1, column, column + 1);
  };
  return at::cat({entry(0, 0),
                  entry(1, 1),
                  entry(0, 2),
                  entry(1, 2),
                  rotation.to(at::kDouble).flatten(1),
                  centre.to(at::kDouble).flatten(1)},
                 1);
}

void unproject_cpu(const UnprojectParams& params) {
  at::parallel_for(0, params.frames * params.height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const UnprojectCamera camera = params.cameras[row / params.height];
      const float* depth = params.depth + row * params.width;
      float* points = params.points + 3 * row * params.width;
      for (int64_t u = 0; u < params.width; ++u) {
        unproject_pixel(camera, u, row % params.height, depth[u], points + 3 * u);
      }
    }
  });
}

}  // namespace

at::Tensor unproject(const at::Tensor& depth,
                     const at::Tensor& extrinsics,
                     const at::Tensor& intrinsics,
                     at::ScalarType out_dtype) {
  TORCH_CHECK(depth.dim() == 3, "unproject: depth must be [S, H, W], got ", depth.sizes());
  TORCH_CHECK(extrinsics.sizes() == at::IntArrayRef({depth.size(0), 3, 4}),
              "unproject: extrinsics must be [S, 3, 4], got ",
              extrinsics.sizes());
  TORCH_CHECK(intrinsics.sizes() == at::IntArrayRef({depth.size(0), 3, 3}),
              "unproject: intrinsics must be [S, 3, 3], got ",
              intrinsics.sizes());
  TORCH_CHECK(extrinsics.device() == depth.device() && intrinsics.device() == depth.device(),
              "unproject: depth and cameras must share the device");
  const bool needs_grad =
      c10::GradMode::is_enabled() &&
      (depth.requires_grad() || extrinsics.requires_grad() || intrinsics.requires_grad());
  const bool is_common = path() == Path::kFast && depth.scalar_type() == at::kFloat &&
                         out_dtype == at::kFloat && !needs_grad;
  if (!is_common || !(depth.is_cpu() || depth.is_cuda())) {
    return unproject_reference(depth, extrinsics, intrinsics, out_dtype);
  }
  const at::Tensor maps = depth.contiguous();
  const at::Tensor cameras = packed_cameras(extrinsics, intrinsics);
  at::Tensor points = at::empty({depth.size(0), depth.size(1), depth.size(2), 3}, depth.options());
  const UnprojectParams params{
      .depth = maps.const_data_ptr<float>(),
      .cameras = static_cast<const UnprojectCamera*>(cameras.const_data_ptr()),
      .points = points.mutable_data_ptr<float>(),
      .frames = depth.size(0),
      .height = depth.size(1),
      .width = depth.size(2)};
  if (depth.is_cpu()) {
    unproject_cpu(params);
    return points;
  }
#ifdef VGGT_WITH_CUDA
  const c10::cuda::CUDAGuard guard(depth.device());
  const cudaError_t status =
      launch_unproject(params, c10::cuda::getCurrentCUDAStream(depth.device().index()).stream());
  TORCH_CHECK(status == cudaSuccess, "unproject: ", cudaGetErrorString(status));
  return points;
#else
  return unproject_reference(depth, extrinsics, intrinsics, out_dtype);
#endif
}

}  // namespace vggt::kernels
