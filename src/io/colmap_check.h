// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/io/colmap.h"

namespace vggt {

/// The name of one of a model's files, of the variant whose extension is given (".bin", ".txt").
std::string colmap_file(const std::string& folder,
                        const std::string& name,
                        const std::string& extension);

/// One of COLMAP's camera models: first its focal lengths, one or two, then the principal point,
/// then the distortion.
struct ColmapCameraModel {
  int32_t id;
  const char* name;
  int focal_lengths;
  int parameters;

  bool has_distortion() const { return parameters > focal_lengths + 2; }
};

/// Null if there is none of that number or name.
const ColmapCameraModel* colmap_camera_model(int32_t id);
const ColmapCameraModel* colmap_camera_model(std::string_view name);

/// Throws IoError naming the file if an id occurs twice or refers to something that is not there.
void check_references(const ColmapModel& model,
                      const std::string& folder,
                      const std::string& extension);

}  // namespace vggt
