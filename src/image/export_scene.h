// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/io/npz.h"
#include "src/pipeline/reconstruction.h"

namespace vggt {

/// Points, cameras and their frusta as a binary glTF scene (write_glb). Throws IoError.
void write_scene(const std::string& path, const Reconstruction& reconstruction);

/// Writes the part of a result that needs more than LibTorch, beside export_reconstruction()'s, into
/// an existing folder:
///   scene.glb          write_scene()
///   depth/<photo>.png  16-bit depth (write_depth_png), one scale for all
/// <photo> is of photo_stems(). Returns that scale: depth in scene units = value / scale. Throws
/// IoError.
double export_scene(const Reconstruction& reconstruction, const std::string& folder);

/// A result as NumPy arrays, for write_npz(): depth and confidence [S, H, W], intrinsics [S, 3, 3] in
/// pixels of the network input, cam_from_world [S, 3, 4], names, and of the points position [N, 3],
/// colour [N, 3], point_confidence [N], and where they are known frame [N] and normal [N, 3].
NpzFile npz_from(const Reconstruction& reconstruction);

}  // namespace vggt
