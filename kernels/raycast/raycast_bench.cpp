// SPDX-License-Identifier: Apache-2.0
// raycast() on a cluttered room: milliseconds of 4 views of 140 x 140 px, with and without smooth
// outlines, on one thread and on all. Its replaced "plain calls" are the brute-force reference,
// which draws no colour.
#include "kernels/raycast/raycast.h"

#include <c10/core/InferenceMode.h>

#include <cmath>
#include <string>

#include "kernels/common/bench.h"

namespace vggt::kernels {
namespace {

constexpr int64_t kViews = 4;
constexpr int64_t kSize = 140;

// Numbers that look random, the same in every run.
double draw() {
  static uint64_t state = 1;
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return static_cast<double>(state >> 40) / (1 << 24);
}

RaycastScene cluttered_room(int solids) {
  RaycastScene scene;
  for (int i = 0; i < 16; ++i) {
    RaycastMaterial material;
    material.texture = i;
    material.stain_texture = (i + 5) % 16;
    material.stain = 0.3F;
    scene.materials.push_back(material);
  }
  scene.light.sun_direction[0] = 0.48F;
  scene.light.sun_direction[2] = 0.8772F;
  scene.light.points[0].colour[0] = 1;
  scene.light.points[0].position[2] = 2.4F;
  scene.primitives.push_back(
      {RaycastShape::kRoom, {0, 0, 1.3}, {1, 0, 0, 0, 1, 0, 0, 0, 1}, {3, 2.5, 1.3}});
  for (int i = 0; i < solids; ++i) {
    RaycastPrimitive solid;
    const RaycastShape shapes[] = {
        RaycastShape::kBox, RaycastShape::kBox, RaycastShape::kEllipsoid, RaycastShape::kFrustum};
    solid.shape = shapes[i % 4];
    const double angle = 6.28 * draw();
    const double matrix[9] = {
        std::cos(angle), -std::sin(angle), 0, std::sin(angle), std::cos(angle), 0, 0, 0, 1};
    std::copy(matrix, matrix + 9, solid.rotation);
    for (double& half : solid.half) half = 0.05 + 0.3 * draw();
    solid.centre[0] = -2 + 4 * draw();
    solid.centre[1] = -1 + 3 * draw();
    solid.centre[2] = solid.half[2] + 1.2 * draw() * draw();
    for (int32_t& material : solid.materials) material = i % 16;
    scene.primitives.push_back(solid);
  }
  return scene;
}

std::vector<RaycastCamera> cameras() {
  std::vector<RaycastCamera> result;
  for (int64_t i = 0; i < kViews; ++i) {
    RaycastCamera camera;
    camera.fx_px = camera.fy_px = 0.9 * kSize;
    camera.cx_px = camera.cy_px = 0.5 * kSize;
    // From y = -2.2, 1.4 high, along y; x_in_cam = (x, -z, y).
    const double matrix[9] = {1, 0, 0, 0, 0, -1, 0, 1, 0};
    std::copy(matrix, matrix + 9, camera.rotation);
    camera.translation[0] = -0.3 * static_cast<double>(i) + 0.5;
    camera.translation[1] = 1.4;
    camera.translation[2] = 2.2;
    result.push_back(camera);
  }
  return result;
}

void measure(const at::Tensor& atlas, int solids, bool smooth, int threads) {
  at::set_num_threads(threads);
  const RaycastScene scene = cluttered_room(solids);
  const auto views = cameras();
  const auto ours = [&] {
    return raycast(scene, atlas, views, kSize, kSize, {.smooth_outlines = smooth});
  };
  const auto plain = [&] { return raycast_reference(scene, views, kSize, kSize); };
  const Pair pair = time_pair(ours, plain, 5);
  const at::Tensor truth = plain().depth;
  const at::Tensor error = ((ours().depth - truth).abs() / truth.clamp_min(1e-9)).flatten();
  std::printf("%7d %7d %6s %10.2f ms %10.2f ms %12.1e\n",
              solids,
              threads,
              smooth ? "yes" : "no",
              1e3 * pair.ours,
              1e3 * pair.plain,
              error.median().item<double>());
  std::fflush(stdout);
}

}  // namespace
}  // namespace vggt::kernels

int main() {
  const c10::InferenceMode inference;
  const int threads = at::get_num_threads();
  const at::Tensor atlas =
      vggt::kernels::raycast_atlas(at::randint(0, 256, {16, 3, 256, 256}, at::kByte));
  std::printf("4 views of 140 x 140 px\n%7s %7s %6s %13s %13s %12s\n",
              "solids",
              "threads",
              "smooth",
              "ours",
              "brute force",
              "depth error");
  for (const int solids : {30, 100, 300}) {
    vggt::kernels::measure(atlas, solids, false, 1);
    vggt::kernels::measure(atlas, solids, true, 1);
    if (threads > 1) vggt::kernels::measure(atlas, solids, true, threads);
  }
}
