// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "viewer/scene/shot.h"
#include "viewer/session.h"

namespace vggt::viewer {

/// stem_001.ending, or the next number that is free: no file is ever lost by another one.
std::string free_name(const std::string& stem, const std::string& ending);

/// Writes all points that pass the thresholds, in metres where the scale is known, into the current
/// folder. Returns what to say. Throws IoError.
std::string save_points(const OpenScene& open, bool as_glb);

/// Writes the thresholds, the up direction and the scale into the result's view.json. Returns what to
/// say. Throws IoError.
std::string save_view(const OpenScene& open);

/// What a video of the first scene shows.
Shot shot_of_session(const Session& session);

}  // namespace vggt::viewer
