// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace vggt::apps {

struct MessageOptions;

/// Gives `app`, and the subcommands added from now on, help in lines of at most 100 columns.
void set_help_format(CLI::App& app);

/// The options that every subcommand has: --help and those of MessageOptions. They belong last, so
/// that help shows a subcommand's own options first.
void add_general_options(CLI::App& app, MessageOptions& options);

/// Text for CLI::App::footer: each example is a line of explanation and a command.
std::string examples(const std::vector<std::pair<std::string, std::string>>& items);

}  // namespace vggt::apps
