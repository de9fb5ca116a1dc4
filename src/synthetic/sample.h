// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/geometry/camera.h"
#include "src/synthetic/photometric.h"
#include "src/synthetic/rig.h"
#include "src/synthetic/stage.h"
#include "src/synthetic/textures.h"
#include "src/synthetic/tracks.h"

namespace vggt::synthetic {

struct SampleOptions {
  SceneKind kind = SceneKind::kMixed;
  RigKind rig = RigKind::kAny;
  int64_t frames = 4;
  int64_t width_px = 140;
  int64_t height_px = 140;
  double fov_min_deg = 40;  ///< of the longer side
  double fov_max_deg = 85;
  double spread = 1;  ///< scales how far the cameras of a sample are apart, above 0
  /// Pairs of frames that see at least this share of each other's surfaces connect all frames of a
  /// sample; see are_connected().
  double min_overlap = 0.25;
  int64_t tracks = 0;  ///< points to follow, chosen in frame 0
  bool smooth_outlines = true;
};

/// A rendered scene and its truth. Metres; the world's z axis is up.
struct Sample {
  at::Tensor linear;            ///< [S, 3, H, W] float, linear light: for photometric()
  at::Tensor depth;             ///< [S, H, W] float, along the optical axis; 0: none
  at::Tensor normal;            ///< [S, 3, H, W] float, in each camera's frame, towards it; 0: none
  at::Tensor mask;              ///< [S, H, W] bool: where there is a surface
  std::vector<Camera> cameras;  ///< in the order in which they are taken
  Tracks tracks;                ///< on the CPU; empty tensors without SampleOptions::tracks
  SceneKind kind = SceneKind::kRoom;  ///< that was drawn
};

/// Throws ConfigError naming the field that cannot be used.
void check(const SampleOptions& options);

/// Draws a scene, cameras in it, and renders; on the device of the textures' atlas. Cameras are
/// drawn again, nearer to each other, until the minimum overlap is met and each sees surfaces in at
/// least 35 % of its picture; after 40 times the scene is, too. The same seed, options and textures
/// give the same sample on every machine, with any number of threads. Safe to call from several
/// threads.
/// Throws ConfigError naming the field that cannot be used.
Sample make_sample(const SampleOptions& options, const Textures& textures, uint64_t seed);

}  // namespace vggt::synthetic
