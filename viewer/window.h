// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "viewer/options.h"

namespace vggt::viewer {

/// Opens the window and returns the exit code when it is closed. A display must be there. Throws
/// IoError if Open3D's resources are not found.
int show_window(const ViewOptions& options);

}  // namespace vggt::viewer
