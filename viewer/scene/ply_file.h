// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "viewer/scene/scene.h"

namespace vggt::viewer {

/// Reads the vertices of any PLY, text or binary of either byte order: x, y, z; red, green, blue
/// (or diffuse_red...) as 8 or 16 bits or as floats in [0, 1]; confidence, frame and error where
/// there are. Other properties and elements are skipped, points that are not finite left out.
/// Throws IoError naming file and reason.
Points read_ply_points(const std::string& path);

/// Writes the points `chosen` as 'vggt reconstruct' writes points.ply: binary, with colour and,
/// where it is known, confidence. `scale` multiplies the positions. Throws IoError.
void write_ply_points(const std::string& path,
                      const Points& points,
                      std::span<const uint32_t> chosen,
                      double scale = 1);

/// The same as binary glTF: y up, z backward, colours linear.
void write_glb_points(const std::string& path,
                      const Points& points,
                      std::span<const uint32_t> chosen,
                      double scale = 1);

}  // namespace vggt::viewer
