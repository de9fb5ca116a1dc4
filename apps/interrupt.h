// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/progress.h"

namespace vggt::apps {

/// For commands that work for long: shows progress through messages(), and cancels after Ctrl-C
/// (SIGINT), SIGTERM or SIGHUP, so that what is half done is cleaned up. A second signal ends the
/// program at once. From now on a reader of our output that goes away does not end it.
ProgressCallback interruptible_progress();

/// The signal that asked to stop; 0: none.
int interrupted_by();

}  // namespace vggt::apps
