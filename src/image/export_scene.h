// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/io/npz.h"
#include "src/io/output_files.h"
#include "src/pipeline/reconstruction.h"

namespace vggt {

/// Points, cameras and their frusta as a binary glTF scene (write_glb). Throws IoError.
void write_scene(const std::string& path, const Reconstruction& reconstruction);

/// Value in a 16-bit picture = scale * depth in scene units, or * confidence; one of each for all.
struct MapScales {
  double depth = 1;
  double confidence = 1;
};
MapScales map_scales(const Reconstruction& reconstruction);

/// The files of a result that need more than LibTorch, beside those of result_files(), whose rules
/// hold:
///   scene.glb                                  write_scene()
///   depth/<photo>.png, confidence/<photo>.png  write_map_png() at `scales`
std::vector<OutputFile> scene_files(const Reconstruction& reconstruction,
                                    const std::string& folder,
                                    const MapScales& scales);

/// A result as NumPy arrays, for write_npz(): depth and confidence [S, H, W], intrinsics [S, 3, 3]
/// in pixels of the network input, cam_from_world [S, 3, 4], names, files (what depth/ and
/// confidence/ call them), and of the points position [N, 3], colour [N, 3], point_confidence [N],
/// and where they are known frame [N] and normal [N, 3].
NpzFile npz_from(const Reconstruction& reconstruction);

}  // namespace vggt
