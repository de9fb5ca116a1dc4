// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace vggt::apps {

/// The manual page of the program that `app` describes, for man (roff).
std::string man_page(const CLI::App& app);

}  // namespace vggt::apps
