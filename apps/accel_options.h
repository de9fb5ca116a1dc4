// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "src/accel/merge_options.h"

namespace CLI {
class App;
}

namespace vggt::apps {

/// --accel and --accel-options, of the subcommands that run a model. What is wrong with them is
/// said when the model is loaded.
void add_accel_options(CLI::App& app, accel::MergeOptions& options);

/// "ratio=0.2", ... added to the settings. Throws ConfigError(field).
void add_settings(const std::vector<std::string>& texts,
                  const std::string& field,
                  accel::MergeOptions& options);

/// The method and all of its settings; throws ConfigError("accel") if one is wrong.
nlohmann::ordered_json to_json(const accel::MergeOptions& options);

/// Tokens before and after and the seconds of each part, by layer and in all.
nlohmann::ordered_json to_json(const accel::MergeReport& report);

}  // namespace vggt::apps
