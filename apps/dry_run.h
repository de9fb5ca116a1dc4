// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/reconstruct_steps.h"

namespace vggt::apps {

/// Prints what `command` would read, run and write, with times measured on this machine by small
/// samples: some photos, one block of each kind, the export of some frames. Leaves nothing behind.
void dry_run(const ReconstructCommand& command, const ProgressCallback& progress);

}  // namespace vggt::apps
