// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include <nlohmann/json.hpp>

#include "apps/reconstruct_steps.h"

namespace CLI {
class App;
}

namespace vggt::apps {

void add_known_options(CLI::App& app, KnownSettings& settings);

/// The options and what their files hold, as the report keeps it: what decides the cameras.
nlohmann::ordered_json key_of(const KnownSettings& settings);

/// Before the network runs: the faults that the next three would find in what was given for these
/// photos. Throws IoError, ConfigError.
void check_known(const KnownSettings& settings,
                 const std::vector<Photo>& photos,
                 bool may_move_poses);

/// Gives the reconstruction the intrinsics and poses that the user knows, says how far the network
/// was off, and notes for the refinement which of them are known. Throws IoError, ConfigError.
void use_known_cameras(const KnownSettings& settings, Answer& answer, RunFacts& facts);

/// Degrees and length of --poses-within; nothing where it was not given. Throws
/// ConfigError("poses-within").
std::optional<std::array<double, 2>> pose_deviations(const KnownSettings& settings);

/// Scales it by a distance that the user knows. Throws ConfigError("scale-from") naming the photo
/// that is not there.
void use_known_distance(const KnownSettings& settings, Answer& answer, RunFacts& facts);

}  // namespace vggt::apps
