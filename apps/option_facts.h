// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace vggt::apps {

/// The group of the options that every subcommand has, the last one in its help.
inline constexpr const char* kGeneralGroup = "General";

/// What help, completion and the man page say about an option. All three read it from the parser,
/// so that an option is described once, where it is declared.
struct OptionFacts {
  std::vector<std::string> names;  ///< "-o", "--output"; of a positional its name
  std::string value;               ///< "FILE", "cpu|cuda"; empty: a flag
  std::vector<std::string> choices;
  bool positional = false;
  bool several = false;  ///< may be repeated: a positional that takes all that comes
  bool list = false;     ///< takes several values with commas between them
  bool takes_file = false;
  bool takes_folder = false;
  std::string group;
  std::string description;  ///< with what is required or the default in brackets
};

OptionFacts facts_of(const CLI::Option& option);

/// In the order of their declaration; hidden ones are left out.
std::vector<OptionFacts> options_of(const CLI::App& app);

std::vector<const CLI::App*> subcommands_of(const CLI::App& app);
std::vector<std::string> subcommand_names(const CLI::App& app);

/// `items` with `separator` in between.
std::string joined(const std::vector<std::string>& items, const std::string& separator);

}  // namespace vggt::apps
