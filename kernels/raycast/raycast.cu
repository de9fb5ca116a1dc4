// SPDX-License-Identifier: Apache-2.0
// One block draws one tile of one view, a thread one pixel. First the block lists the solids whose
// outline meets the tile: rounds of one solid per thread, kept in the view's order (nearest first)
// by counting within warps. Then each thread tries the list.  A pixel writes 32 bytes; it tries
// about ten solids for its own ray, as many for its shadow and its darkening, some 30 operations
// each, and reads eight to 32 texels of 4 bytes, mostly from the cache. So arithmetic and
// divergence within a warp set the limit, not memory; the second kernel does the same thrice for
// the pixels at outlines, a fifth of a picture.

#include "kernels/raycast/raycast_launch.h"

namespace vggt::kernels {
namespace {

constexpr int kThreads = kRaycastTile * kRaycastTile;
constexpr int kWarps = kThreads / 32;
// Far more than a tile of our scenes has.
constexpr int kMostCandidates = 2048;

using raycast_detail::SeenSolid;
using raycast_detail::SeenView;

/// The solids of the tile at (x, y), in the view's order. All threads of the block take part.
__device__ int32_t list_candidates(
    const RaycastParams& p, const SeenView& view, int64_t x, int64_t y, int32_t* candidates) {
  __shared__ int32_t of_warp[kWarps];
  const int thread = threadIdx.x;
  const int lane = thread % 32;
  const int warp = thread / 32;
  int32_t count = 0;
  for (int32_t begin = 0; begin < view.solid_count; begin += kThreads) {
    const int32_t i = begin + thread;
    const bool meets =
        i < view.solid_count && raycast_detail::in_tile(p.trace.seen[view.first_solid + i], x, y);
    const unsigned kept = __ballot_sync(0xFFFFFFFFU, meets);
    if (lane == 0) of_warp[warp] = __popc(kept);
    __syncthreads();
    int32_t at = count;
    for (int w = 0; w < kWarps; ++w) {
      if (w < warp) at += of_warp[w];
      count += of_warp[w];
    }
    at += __popc(kept & ((1U << lane) - 1));
    if (meets && at < kMostCandidates) candidates[at] = i;
    __syncthreads();
  }
  return count;
}

__device__ void draw_pixel(const RaycastParams& p,
                           int64_t view,
                           int64_t x,
                           int64_t y,
                           const int32_t* candidates,
                           int32_t count) {
  const SeenView& seen = p.trace.views[view];
  const float centre_x = static_cast<float>(x) + 0.5F;
  const float centre_y = static_cast<float>(y) + 0.5F;
  raycast_detail::store(
      p,
      view,
      x,
      y,
      raycast_detail::cast(p.trace, seen, candidates, count, centre_x, centre_y, nullptr));
}

// Replaces the colour of a pixel at an outline by the mean of several rays.
__device__ void smooth_pixel(const RaycastParams& p,
                             int64_t view,
                             int64_t x,
                             int64_t y,
                             const int32_t* candidates,
                             int32_t count) {
  if (!raycast_detail::at_outline(p, view, x, y)) return;
  const raycast_detail::Hit own = raycast_detail::drawn_own(p, view, x, y);
  raycast_detail::Vec3 sum = own.colour;
  for (int i = 0; i < raycast_detail::kExtraRays; ++i) {
    float ray_x = 0;
    float ray_y = 0;
    raycast_detail::extra_ray(
        i, static_cast<float>(x) + 0.5F, static_cast<float>(y) + 0.5F, &ray_x, &ray_y);
    sum = sum +
          raycast_detail::cast(p.trace, p.trace.views[view], candidates, count, ray_x, ray_y, &own)
              .colour;
  }
  raycast_detail::store_colour(p, view, x, y, raycast_detail::mean_of_rays(sum));
}

template <bool kSmooth>
__global__ void raycast_kernel(RaycastParams p) {
  __shared__ int32_t candidates[kMostCandidates];
  const int64_t columns = (p.width + kRaycastTile - 1) / kRaycastTile;
  const int64_t rows = (p.height + kRaycastTile - 1) / kRaycastTile;
  const int64_t tile = blockIdx.x;
  const int64_t view = tile / (rows * columns);
  const int64_t y = tile / columns % rows * kRaycastTile;
  const int64_t x = tile % columns * kRaycastTile;
  const SeenView& seen_view = p.trace.views[view];
  int32_t count = list_candidates(p, seen_view, x, y, candidates);
  // A list that overflows is not used: every solid is tried.
  const int32_t* list = candidates;
  if (count > kMostCandidates) {
    list = nullptr;
    count = seen_view.solid_count;
  }
  const int64_t column = x + threadIdx.x % kRaycastTile;
  const int64_t row = y + threadIdx.x / kRaycastTile;
  if (column >= p.width || row >= p.height) return;
  if (kSmooth) {
    smooth_pixel(p, view, column, row, list, count);
  } else {
    draw_pixel(p, view, column, row, list, count);
  }
}

}  // namespace

cudaError_t launch_raycast(const RaycastParams& params, cudaStream_t stream) {
  const int64_t columns = (params.width + kRaycastTile - 1) / kRaycastTile;
  const int64_t rows = (params.height + kRaycastTile - 1) / kRaycastTile;
  const int64_t tiles = params.views * rows * columns;
  if (tiles == 0) return cudaSuccess;
  const dim3 grid(static_cast<unsigned>(tiles));
  raycast_kernel<false><<<grid, kThreads, 0, stream>>>(params);
  if (params.smooth) raycast_kernel<true><<<grid, kThreads, 0, stream>>>(params);
  return cudaGetLastError();
}

}  // namespace vggt::kernels
