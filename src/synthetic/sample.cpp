// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/sample.h"

#include "kernels/raycast/raycast.h"
#include "src/base/error.h"
#include "src/io/text_file.h"
#include "src/synthetic/overlap.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

namespace vggt::synthetic {
namespace {

constexpr int64_t kMostPixels = 16384;
constexpr int64_t kMostFrames = 100000;
constexpr int kAttempts = 40;
constexpr int kScenes = 25;

void check_count(const char* field, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most) {
    throw ConfigError(field,
                      std::to_string(value) + "; must be from " + std::to_string(least) + " to " +
                          std::to_string(most));
  }
}

bool sees_enough(const kernels::RaycastScene& scene, const std::vector<Camera>& cameras) {
  constexpr double kNear = 0.3;  // a wall before the lens says nothing
  constexpr double kShare = 0.35;
  return std::all_of(cameras.begin(), cameras.end(), [&](const Camera& camera) {
    return usable_share(scene, camera, kNear) >= kShare;
  });
}

struct Shot {
  Stage stage;
  std::vector<Camera> cameras;
};

Shot draw_shot(const SampleOptions& options, const Textures& textures, uint64_t seed) {
  constexpr double kNearer = 0.9;  // the next attempt's spread, as they see too little in common
  constexpr double kFreer = 0.95;  // as no free place was found
  const Random random(seed, 0x5CE2E);
  for (int scene = 0; scene < kScenes; ++scene) {
    const Random of_scene = random.stream(static_cast<uint64_t>(scene));
    Shot shot;
    shot.stage = make_stage(options.kind, textures, of_scene.stream(0));
    RigOptions rig = {.rig = options.rig,
                      .frames = options.frames,
                      .width_px = options.width_px,
                      .height_px = options.height_px,
                      .fov_min_deg = options.fov_min_deg,
                      .fov_max_deg = options.fov_max_deg,
                      .spread = options.spread};
    if (rig.rig == RigKind::kAny) {
      // An object is looked at: orbit, walk or sparse, the first three.
      const int64_t count = shot.stage.kind == SceneKind::kObject ? 3 : kRigKinds;
      rig.rig = static_cast<RigKind>(of_scene.stream(1).index(count));
    }
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      auto cameras = draw_rig(shot.stage, rig, of_scene.stream(static_cast<uint64_t>(attempt) + 2));
      if (!cameras) {
        rig.spread *= kFreer;
        continue;
      }
      if (sees_enough(shot.stage.scene, *cameras) &&
          are_connected(shot.stage.scene, *cameras, options.min_overlap)) {
        shot.cameras = std::move(*cameras);
        return shot;
      }
      rig.spread *= kNearer;
    }
  }
  throw ConfigError("min_overlap",
                    number_text(options.min_overlap) + " was not met by " + name_of(options.rig) +
                        " in " + std::to_string(kScenes) + " scenes of kind " +
                        name_of(options.kind) + "; ask for less, or for a smaller spread");
}

// Into each camera's frame.
at::Tensor turned_normals(const at::Tensor& in_world, const std::vector<Camera>& cameras) {
  at::Tensor rotations = at::empty({in_world.size(0), 3, 3}, at::kFloat);
  auto entry = rotations.accessor<float, 3>();
  for (size_t i = 0; i < cameras.size(); ++i) {
    for (size_t k = 0; k < 9; ++k) {
      entry[static_cast<int64_t>(i)][static_cast<int64_t>(k / 3)][static_cast<int64_t>(k % 3)] =
          static_cast<float>(cameras[i].rotation[k]);
    }
  }
  return at::bmm(rotations.to(in_world.device()), in_world.flatten(2)).view(in_world.sizes());
}

}  // namespace

void check(const SampleOptions& options) {
  check_count("frames", options.frames, 1, kMostFrames);
  check_count("width_px", options.width_px, 1, kMostPixels);
  check_count("height_px", options.height_px, 1, kMostPixels);
  check_count("tracks", options.tracks, 0, 1000000);
  if (!(options.fov_min_deg >= 5 && options.fov_min_deg <= options.fov_max_deg &&
        options.fov_max_deg <= 150)) {
    throw ConfigError("fov_min_deg, fov_max_deg",
                      number_text(options.fov_min_deg) + " to " + number_text(options.fov_max_deg) +
                          "; must rise and be within 5 to 150 degrees");
  }
  if (!(options.spread > 0 && options.spread <= 10)) {
    throw ConfigError("spread", number_text(options.spread) + "; must be above 0, up to 10");
  }
  if (!(options.min_overlap >= 0 && options.min_overlap <= 0.9)) {
    throw ConfigError("min_overlap", number_text(options.min_overlap) + "; must be from 0 to 0.9");
  }
}

Sample make_sample(const SampleOptions& options, const Textures& textures, uint64_t seed) {
  check(options);
  Shot shot = draw_shot(options, textures, seed);
  std::vector<kernels::RaycastCamera> cameras;
  for (const Camera& camera : shot.cameras) cameras.push_back(raycast_camera(camera));
  const kernels::RaycastPictures pictures =
      kernels::raycast(shot.stage.scene,
                       textures.atlas,
                       cameras,
                       options.height_px,
                       options.width_px,
                       {.smooth_outlines = options.smooth_outlines});
  Sample sample;
  sample.kind = shot.stage.kind;
  sample.linear = pictures.colour;
  sample.depth = pictures.depth;
  sample.mask = pictures.depth.gt(0);
  sample.normal = turned_normals(pictures.normal, shot.cameras);
  sample.cameras = std::move(shot.cameras);
  if (options.tracks > 0) {
    sample.tracks = make_tracks(shot.stage.scene,
                                sample.cameras,
                                0,
                                sample.depth[0].cpu(),
                                options.tracks,
                                Random(seed, 0x72ACC));
  }
  return sample;
}

}  // namespace vggt::synthetic
