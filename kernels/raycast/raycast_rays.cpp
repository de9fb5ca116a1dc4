// SPDX-License-Identifier: Apache-2.0
#include "kernels/raycast/raycast_rays.h"

#include <algorithm>

namespace vggt::kernels::raycast_detail {
namespace {

// Two vectors of SSE, one of AVX.
constexpr int kLanes = 8;

struct Packet {
  float x[kLanes], y[kLanes];
  float along_x[kLanes], along_y[kLanes];  // in the camera's frame; along z it is 1
  float depth[kLanes];                     // of the nearest solid so far
  int32_t first[kLanes];
};

// Takes a solid where it is nearer. Without branches: one loop for vector instructions.
template <RaycastShape kShape>
void meet(const SeenSolid& solid, int32_t position, Packet* packet) {
  for (int k = 0; k < kLanes; ++k) {
    const float x = packet->x[k];
    const float y = packet->y[k];
    const Vec3 along = turned(solid.rotation, {packet->along_x[k], packet->along_y[k], 1});
    const Span span = span_of(kShape, vec(solid.half), vec(solid.from), along);
    const float t = kShape == RaycastShape::kRoom ? span.out : span.in;
    const float nearest = packet->depth[k];
    const bool in_outline =
        (x >= solid.x_from) & (x <= solid.x_to) & (y >= solid.y_from) & (y <= solid.y_to);
    const bool nearer =
        in_outline & (solid.nearest < nearest) & (span.in < span.out) & (t > 0) & (t < nearest);
    packet->depth[k] = nearer ? t : nearest;
    packet->first[k] = nearer ? position : packet->first[k];
  }
}

void trace_packet(const SeenSolid* seen, const std::vector<int32_t>& candidates, Packet* packet) {
  const auto [x_least, x_most] = std::minmax_element(packet->x, packet->x + kLanes);
  const auto [y_least, y_most] = std::minmax_element(packet->y, packet->y + kLanes);
  for (const int32_t position : candidates) {
    const SeenSolid& solid = seen[position];
    // Of all that follow none is nearer.
    if (solid.nearest >= *std::max_element(packet->depth, packet->depth + kLanes)) break;
    if (*x_most < solid.x_from || *x_least > solid.x_to || *y_most < solid.y_from ||
        *y_least > solid.y_to) {
      continue;
    }
    switch (solid.shape) {
      case RaycastShape::kBox:
        meet<RaycastShape::kBox>(solid, position, packet);
        break;
      case RaycastShape::kRoom:
        meet<RaycastShape::kRoom>(solid, position, packet);
        break;
      case RaycastShape::kEllipsoid:
        meet<RaycastShape::kEllipsoid>(solid, position, packet);
        break;
      case RaycastShape::kFrustum:
        meet<RaycastShape::kFrustum>(solid, position, packet);
        break;
    }
  }
}

}  // namespace

void trace_rays(const SeenSolid* seen,
                const SeenView& view,
                const std::vector<int32_t>& candidates,
                std::vector<Ray>* rays) {
  for (size_t begin = 0; begin < rays->size(); begin += kLanes) {
    Packet packet;
    for (size_t k = 0; k < kLanes; ++k) {
      // The last packet repeats the last ray.
      const Ray& ray = (*rays)[std::min(begin + k, rays->size() - 1)];
      const Vec3 along = direction_at(view, ray.x, ray.y);
      packet.x[k] = ray.x;
      packet.y[k] = ray.y;
      packet.along_x[k] = along.x;
      packet.along_y[k] = along.y;
      packet.depth[k] = kFar;
      packet.first[k] = -1;
    }
    trace_packet(seen, candidates, &packet);
    for (size_t k = 0; k < kLanes && begin + k < rays->size(); ++k) {
      (*rays)[begin + k].first = packet.first[k];
      (*rays)[begin + k].depth = packet.depth[k];
    }
  }
}

}  // namespace vggt::kernels::raycast_detail
