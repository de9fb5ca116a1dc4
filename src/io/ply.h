// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/geometry/point_cloud.h"

namespace vggt {

/// Writes a binary little-endian PLY, one vertex per point: float x y z, where the cloud has
/// normals float nx ny nz, uchar red green blue, float confidence; `note`, one line, becomes a
/// comment. Frame and pixel of the points are not written. Throws IoError.
void write_ply(const std::string& path, const PointCloud& cloud, const std::string& note = "");

/// Reads a file of write_ply, and no other kind of PLY; frame and pixel stay undefined. Throws
/// IoError.
PointCloud read_ply(const std::string& path);

}  // namespace vggt
