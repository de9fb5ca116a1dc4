// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

namespace vggt::apps {

/// Throws ConfigError("output") naming the first file below `folder` that is not in `ours`, since
/// replacing the folder would lose it. Links count as files.
/// ours  paths relative to the folder, with '/'
/// kind  what the folder is held to be: "a result"
void check_only_ours(const std::string& folder,
                     const std::set<std::string>& ours,
                     const std::string& kind);

}  // namespace vggt::apps
