// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/pipeline/reconstruction.h"

namespace vggt {

/// Writes what the network made of the photos, without the points, as one safetensors file:
///   images        [S, 3, H, W] uint8    the network input
///   depth         [S, H, W] float32     along the optical axis, scene units
///   confidence    [S, H, W] float32     above 1, unbounded
///   extrinsics    [S, 3, 4] float64     cam_from_world, OpenCV axes; world = first camera
///   intrinsics    [S, 3, 3] float64     pixels of the network input
///   stored_size   [S, 2] int64          width and height of the photo's file, before orientation
///   orientation   [S] int64             EXIF orientation that was applied
///   network_from_upright [S, 4] float64 scale x, scale y, offset x, offset y (see PixelMap)
///   mask          [S, H, W] uint8       0 where the user's mask hides a pixel; only with a mask
/// and as metadata "names", a JSON list, in which what is not UTF-8 becomes U+FFFD, and "note".
/// Throws IoError.
void write_predictions(const std::string& path, const Reconstruction& reconstruction);

/// Reads such a file; `points` stays empty, make_points() makes them. Throws IoError naming the
/// file and the tensor: damaged, missing, of another type or shape, or cameras that are none.
Reconstruction read_predictions(const std::string& path);

}  // namespace vggt
