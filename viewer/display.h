// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vggt::viewer {

/// Why no window can be opened, for the user; empty: it can. Asks GLFW, as Open3D does.
std::string display_problem();

/// Whether this machine has graphics hardware that draws: else every pixel is the processor's work.
bool has_graphics();

}  // namespace vggt::viewer
