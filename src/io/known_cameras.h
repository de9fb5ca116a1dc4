// SPDX-License-Identifier: Apache-2.0
// What a user knows of the photos' cameras beforehand.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/geometry/camera.h"
#include "src/geometry/rigid.h"

namespace vggt {

/// One per photo; cameras are those of the pictures as their files store them, and the world is the
/// file's own.
using KnownPoses = std::vector<std::optional<Rigid>>;    ///< cam_from_world
using KnownLenses = std::vector<std::optional<Camera>>;  ///< whose poses mean nothing

/// Poses of photos from
///   a folder with a COLMAP model, binary or text, in sparse/0, sparse or itself,
///   a *.json file as nerfstudio writes it (transforms.json), or of our own scenes (cameras.json),
///   or any other file: a trajectory of TUM RGB-D, whose timestamps are the photos' numbers from 0.
/// Photos are found by their names: the whole path that the file gives, or else its last part.
/// names  of the photos, in order
/// Throws IoError naming file and field: it cannot be read, a number is not finite, two entries
/// are of one photo, or there is a pose for none of the photos.
KnownPoses read_known_poses(const std::string& path, const std::vector<std::string>& names);

/// Intrinsics from the same files but trajectories. Distortion is refused, as ours is a pinhole.
KnownLenses read_known_lenses(const std::string& path, const std::vector<std::string>& names);

}  // namespace vggt
