// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace vggt::apps {

/// Scripts that complete subcommands, options, the choices of options, and names of files and
/// folders, for the program that `app` describes.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);

}  // namespace vggt::apps
