// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/pipeline/reconstruction.h"

namespace vggt {

/// Writes one PNG, 1600 px wide, that tells at a glance whether a reconstruction worked: up to
/// eight photos spread evenly over the set, their depth (near = warm) and confidence (high =
/// bright) in colour, and the points and cameras from above and from the side. "Up" is the mean of
/// the cameras' up directions. Values that are not finite are left out. Throws IoError.
void write_preview(const std::string& path, const Reconstruction& reconstruction);

}  // namespace vggt
