// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/raycast/raycast_trace.h"

#ifdef VGGT_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

namespace vggt::kernels {

/// A tile of this many pixels a side shares one list of the solids that its rays may meet.
constexpr int kRaycastTile = 16;

/// What is drawn, and where to. All pointers are on the device that draws.
struct RaycastParams {
  raycast_detail::Trace trace{};
  float* colour = nullptr;       // [views, 3, height, width]
  float* depth = nullptr;        // [views, height, width]
  float* normal = nullptr;       // [views, 3, height, width]
  int32_t* primitive = nullptr;  // [views, height, width]
  int64_t views = 0;
  int64_t height = 0;
  int64_t width = 0;
  bool smooth = true;
};

#ifdef VGGT_WITH_CUDA
cudaError_t launch_raycast(const RaycastParams& params, cudaStream_t stream);
#endif

namespace raycast_detail {

VGGT_RAYCAST_FUNCTION bool in_tile(const SeenSolid& solid, int64_t x, int64_t y) {
  const auto left = static_cast<float>(x);
  const auto top = static_cast<float>(y);
  return solid.x_from < left + kRaycastTile && solid.x_to > left &&
         solid.y_from < top + kRaycastTile && solid.y_to > top;
}

/// What is seen in a pixel.
VGGT_RAYCAST_FUNCTION void store(
    const RaycastParams& p, int64_t view, int64_t x, int64_t y, const Hit& hit) {
  const int64_t area = p.height * p.width;
  const int64_t at = y * p.width + x;
  p.depth[view * area + at] = hit.depth;
  p.primitive[view * area + at] = hit.primitive;
  const int64_t planes = 3 * view * area + at;
  const float colour[3] = {hit.colour.x, hit.colour.y, hit.colour.z};
  const float normal[3] = {hit.normal.x, hit.normal.y, hit.normal.z};
  for (int c = 0; c < 3; ++c) {
    p.colour[planes + c * area] = colour[c];
    p.normal[planes + c * area] = normal[c];
  }
}

/// What store() stored, without the colour, which its neighbours' threads may be changing.
VGGT_RAYCAST_FUNCTION Hit drawn(const RaycastParams& p, int64_t view, int64_t at) {
  const int64_t area = p.height * p.width;
  const float* normal = p.normal + 3 * view * area + at;
  Hit hit;
  hit.primitive = p.primitive[view * area + at];
  hit.normal = {normal[0], normal[area], normal[2 * area]};
  return hit;
}

/// Whether a pixel's neighbour shows another solid or another face.
VGGT_RAYCAST_FUNCTION bool at_outline(const RaycastParams& p, int64_t view, int64_t x, int64_t y) {
  const int64_t at = y * p.width + x;
  const Hit own = drawn(p, view, at);
  const int64_t neighbours[4] = {x > 0 ? at - 1 : at,
                                 x + 1 < p.width ? at + 1 : at,
                                 y > 0 ? at - p.width : at,
                                 y + 1 < p.height ? at + p.width : at};
  for (const int64_t neighbour : neighbours) {
    const Hit other = drawn(p, view, neighbour);
    if (!same_face(own.primitive, own.normal, other.primitive, other.normal)) return true;
  }
  return false;
}

/// drawn() with the colour of the pixel, which no other thread is changing.
VGGT_RAYCAST_FUNCTION Hit drawn_own(const RaycastParams& p, int64_t view, int64_t x, int64_t y) {
  const int64_t area = p.height * p.width;
  const float* colour = p.colour + 3 * view * area + y * p.width + x;
  Hit own = drawn(p, view, y * p.width + x);
  own.colour = {colour[0], colour[area], colour[2 * area]};
  return own;
}

VGGT_RAYCAST_FUNCTION void store_colour(
    const RaycastParams& p, int64_t view, int64_t x, int64_t y, Vec3 value) {
  const int64_t area = p.height * p.width;
  float* colour = p.colour + 3 * view * area + y * p.width + x;
  colour[0] = value.x;
  colour[area] = value.y;
  colour[2 * area] = value.z;
}

}  // namespace raycast_detail
}  // namespace vggt::kernels
