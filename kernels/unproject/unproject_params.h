// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define VGGT_UNPROJECT_FUNCTION __host__ __device__ __forceinline__
#else
#define VGGT_UNPROJECT_FUNCTION inline
#endif

namespace vggt::kernels {

/// A frame's camera as the pass takes it: 16 doubles.
struct UnprojectCamera {
  double focal[2];
  double principal[2];
  double rotation[9];  ///< cam_from_world, by rows
  double centre[3];    ///< R^T t, the camera's place with the sign turned
};

/// Depth maps to points, [frames, height, width] to [frames, height, width, 3].
struct UnprojectParams {
  const float* depth;
  const UnprojectCamera* cameras;  ///< [frames]
  float* points;
  int64_t frames;
  int64_t height;
  int64_t width;
};

VGGT_UNPROJECT_FUNCTION void unproject_pixel(
    const UnprojectCamera& camera, int64_t u, int64_t v, float depth, float* point) {
  const double z = depth;
  const double x =
      static_cast<float>((static_cast<double>(u) - camera.principal[0]) * z / camera.focal[0]);
  const double y =
      static_cast<float>((static_cast<double>(v) - camera.principal[1]) * z / camera.focal[1]);
  const double* r = camera.rotation;
  for (int i = 0; i < 3; ++i) {
    point[i] = static_cast<float>(x * r[i] + y * r[3 + i] + z * r[6 + i] - camera.centre[i]);
  }
}

}  // namespace vggt::kernels
