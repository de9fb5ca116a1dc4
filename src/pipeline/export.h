// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "src/io/colmap.h"
#include "src/pipeline/reconstruction.h"

namespace vggt {

/// The cameras and at most `max_points` of the points, evenly spread over them, as a COLMAP model.
///
/// Cameras are those of the pictures as their files store them, before EXIF orientation, because
/// COLMAP (3.8 to 4.2 checked) ignores the orientation. Every point has a track of length one: the
/// pixel it was made from, where it projects exactly (not for mirrored orientations, see
/// PixelMap::stored_camera). Points that are not finite are left out. Ids start at 1 and follow the
/// order of the views.
ColmapModel colmap_from(const Reconstruction& reconstruction, int64_t max_points = 100000);

/// Writes into an existing folder:
///   points.ply                              all points
///   sparse/0/{cameras,images,points3D}.bin  colmap_from()
///   depth/<photo>.npy, confidence/<photo>.npy  float32 [H, W] of the network input
/// <photo> is its name without extension; photos that differ only in it keep it. Throws IoError.
void export_reconstruction(const Reconstruction& reconstruction, const std::string& folder);

}  // namespace vggt
