// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/progress.h"

namespace vggt::apps {

/// Shows progress on standard error: one line that is rewritten on a terminal, a line per finished
/// stage elsewhere. Ctrl-C cancels: the operation throws, cleans up and the program ends with an
/// error.
ProgressCallback progress_line();

/// A line on standard error that a progress line does not overwrite.
void say(const std::string& message);

}  // namespace vggt::apps
