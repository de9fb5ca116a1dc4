// SPDX-License-Identifier: Apache-2.0
#include "apps/help.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "apps/messages.h"
#include "apps/option_facts.h"

namespace vggt::apps {
namespace {

constexpr size_t kColumns = 100;
constexpr size_t kDescriptionColumn = 28;

// `text` in lines that begin at column `indent`; the first one is there already.
std::string wrapped(const std::string& text, size_t indent) {
  std::istringstream words(text);
  std::string lines;
  size_t column = indent;
  for (std::string word; words >> word;) {
    if (column > indent && column + 1 + word.size() > kColumns) {
      lines += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      lines += " ";
      ++column;
    }
    lines += word;
    column += word.size();
  }
  return lines + "\n";
}

std::string entry(std::string left, const std::string& description) {
  left = "  " + left;
  if (left.size() + 2 > kDescriptionColumn) {
    left += "\n" + std::string(kDescriptionColumn, ' ');
  } else {
    left.resize(kDescriptionColumn, ' ');
  }
  return left + wrapped(description, kDescriptionColumn);
}

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app,
                        std::string name,
                        CLI::AppFormatMode mode) const override {
    // CLI11 leaves two empty lines between groups.
    return CLI::detail::find_and_replace(
        CLI::Formatter::make_help(app, std::move(name), mode), "\n\n\n", "\n\n");
  }
  std::string make_option(const CLI::Option* option, bool) const override {
    const OptionFacts facts = facts_of(*option);
    // Long names stand below each other, as most options have no short one.
    const bool no_short_name = !facts.positional && facts.names.front().starts_with("--");
    std::string left = (no_short_name ? "    " : "") + joined(facts.names, ", ");
    if (!facts.positional && !facts.value.empty()) left += " " + facts.value;
    return entry(left, facts.description);
  }
  std::string make_subcommand(const CLI::App* sub) const override {
    return entry(sub->get_name(), sub->get_description());
  }
  std::string make_description(const CLI::App* app) const override {
    return wrapped(app->get_description(), 0) + "\n";
  }
};

}  // namespace

void set_help_format(CLI::App& app) {
  const auto formatter = std::make_shared<HelpFormatter>();
  formatter->label("Positionals", "Arguments");
  app.formatter(formatter);
}

void add_general_options(CLI::App& app, MessageOptions& options) {
  app.add_option("--progress",
                 options.progress,
                 "How to show progress on standard error: auto is a line that is redrawn on a "
                 "terminal, and lines every few seconds elsewhere; json is an object per line")
      ->check(CLI::IsMember({"auto", "json", "none"}))
      ->capture_default_str()
      ->group(kGeneralGroup);
  CLI::Option* quiet =
      app.add_flag("-q,--quiet", options.quiet, "Say nothing but errors")->group(kGeneralGroup);
  app.add_flag("-v,--verbose",
               options.verbose,
               "Say more: versions, device, and time and memory of each stage")
      ->excludes(quiet)
      ->group(kGeneralGroup);
  // Set anew to stand behind the others.
  app.set_help_flag("-h,--help", "Show this help")->group(kGeneralGroup);
}

std::string examples(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string text = "Examples:";
  for (const auto& [explanation, command] : items) {
    text += "\n  # " + explanation + "\n  " + command;
  }
  return text;
}

}  // namespace vggt::apps
