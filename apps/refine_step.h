// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "apps/reconstruct_steps.h"

namespace CLI {
class App;
}

namespace vggt::apps {

void add_refine_options(CLI::App& app, RefineSettings& settings);

/// Refines the cameras and what hangs on them, if asked for, and says what came of it; the report
/// gets the figures. Throws IoError where a photo can no longer be read; Cancelled.
void refine(const ReconstructCommand& command,
            Answer& answer,
            const ProgressCallback& progress,
            RunFacts& facts);

}  // namespace vggt::apps
