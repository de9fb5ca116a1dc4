// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/pipeline/reconstruction.h"

namespace vggt {

/// Writes the part of a result that needs more than LibTorch, beside export_reconstruction()'s, into
/// an existing folder:
///   scene.glb          points and cameras (write_glb)
///   depth/<photo>.png  16-bit depth (write_depth_png), one scale for all
/// <photo> is of photo_stems(). Returns that scale: depth in scene units = value / scale. Throws
/// IoError.
double export_scene(const Reconstruction& reconstruction, const std::string& folder);

}  // namespace vggt
