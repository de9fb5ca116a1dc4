// SPDX-License-Identifier: Apache-2.0
#include "apps/option_facts.h"

#include <CLI/CLI.hpp>

namespace vggt::apps {
namespace {

// CLI11 tells what CLI::IsMember allows only in words: "TEXT:{auto,cpu,cuda}".
std::vector<std::string> choices_in(const std::string& type_name) {
  const size_t open = type_name.find('{');
  const size_t close = type_name.rfind('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  return CLI::detail::split(type_name.substr(open + 1, close - open - 1), ',');
}

}  // namespace

std::string joined(const std::vector<std::string>& items, const std::string& separator) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : separator) + item;
  return text;
}

OptionFacts facts_of(const CLI::Option& option) {
  OptionFacts facts;
  facts.positional = option.get_positional();
  for (const std::string& name : option.get_snames()) facts.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) facts.names.push_back("--" + name);
  if (facts.positional) facts.names = {option.get_name(true, false)};
  facts.group = option.get_group();
  facts.several = facts.positional && option.get_items_expected_max() > 1;
  facts.list = option.get_delimiter() == ',';

  std::string among;
  if (option.get_items_expected_max() > 0 && option.get_type_size() > 0) {
    const std::string type_name = option.get_type_name();
    facts.choices = choices_in(type_name);
    const std::string type = type_name.substr(0, type_name.find(':'));
    facts.value = facts.choices.empty() ? type : joined(facts.choices, "|");
    // Too many for the line of the name.
    constexpr size_t kMostCharacters = 60;
    if (facts.value.size() > kMostCharacters) {
      facts.value = type;
      among = ": " + joined(facts.choices, ", ");
    }
    if (facts.list) facts.value += ",...";
    facts.takes_folder = type == "FOLDER";
    facts.takes_file =
        facts.choices.empty() && (type == "FILE" || type == "PATH" || type == "TEXT");
  }
  std::vector<std::string> notes;
  if (option.get_required()) notes.push_back("required");
  if (!facts.value.empty() && !option.get_default_str().empty()) {
    notes.push_back("default: " + CLI::detail::trim_copy(option.get_default_str()));
  }
  facts.description = option.get_description() + among;
  if (!notes.empty()) facts.description += " (" + joined(notes, "; ") + ")";
  return facts;
}

std::vector<OptionFacts> options_of(const CLI::App& app) {
  std::vector<OptionFacts> options;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) options.push_back(facts_of(*option));
  }
  return options;
}

std::vector<const CLI::App*> subcommands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty(); });
}

std::vector<std::string> subcommand_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : subcommands_of(app)) names.push_back(sub->get_name());
  return names;
}

}  // namespace vggt::apps
