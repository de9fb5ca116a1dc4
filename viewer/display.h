// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vggt::viewer {

/// Why no window can be opened, for the user; empty: it can. Asks GLFW, as Open3D does.
std::string display_problem();

/// Whether this machine has graphics hardware that draws: else every pixel is the processor's work.
bool has_graphics();

/// The folder of Open3D's fonts and shaders. Throws IoError if it is not found.
std::string open3d_resources();

}  // namespace vggt::viewer
