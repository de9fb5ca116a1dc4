// SPDX-License-Identifier: Apache-2.0
// A thread takes a pixel, a block 256 neighbours of one frame, whose camera every thread reads from
// the cache. A pixel costs 4 bytes in, 12 out and about 20 double operations, two of them divisions:
// where a GPU has double units memory sets the limit.

#include "kernels/unproject/unproject_launch.h"

namespace vggt::kernels {
namespace {

constexpr int kThreads = 256;

__global__ void unproject_kernel(UnprojectParams p) {
  const int64_t pixels = p.height * p.width;
  const int64_t pixel = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (pixel >= pixels) return;
  for (int64_t frame = blockIdx.y; frame < p.frames; frame += gridDim.y) {
    const int64_t at = frame * pixels + pixel;
    unproject_pixel(
        p.cameras[frame], pixel % p.width, pixel / p.width, p.depth[at], p.points + 3 * at);
  }
}

}  // namespace

cudaError_t launch_unproject(const UnprojectParams& params, cudaStream_t stream) {
  const int64_t pixels = params.height * params.width;
  if (params.frames == 0 || pixels == 0) return cudaSuccess;
  constexpr int64_t kMostOfGrid = 65535;
  const dim3 grid(static_cast<unsigned>((pixels + kThreads - 1) / kThreads),
                  static_cast<unsigned>(params.frames < kMostOfGrid ? params.frames : kMostOfGrid));
  unproject_kernel<<<grid, kThreads, 0, stream>>>(params);
  return cudaGetLastError();
}

}  // namespace vggt::kernels
