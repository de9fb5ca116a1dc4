// SPDX-License-Identifier: Apache-2.0
#include "apps/man_page.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "apps/option_facts.h"
#include "apps/program.h"

namespace vggt::apps {
namespace {

// A hyphen that may be typed is \-; a dot or a quote at the start of a line would be a request.
std::string roff(const std::string& text) {
  std::string escaped;
  bool line_starts = true;
  for (const char c : text) {
    if (line_starts && (c == '.' || c == '\'')) escaped += "\\&";
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else if (c == '\'') {
      escaped += "\\(aq";
    } else if (c == '"') {
      escaped += "\\(dq";
    } else {
      escaped += c;
    }
    line_starts = c == '\n';
  }
  return escaped;
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }

void write_option(std::ostringstream& out, const OptionFacts& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.names) names.push_back(bold(name));
  out << ".TP\n" << joined(names, ", ");
  if (!option.positional && !option.value.empty()) out << " " << roff(option.value);
  out << "\n" << roff(option.description) << "\n";
}

void write_examples(std::ostringstream& out, const CLI::App& app) {
  if (!app.get_footer().empty()) out << ".PP\n.nf\n" << roff(app.get_footer()) << "\n.fi\n";
}

void write_synopsis(std::ostringstream& out, const CLI::App& sub) {
  out << ".br\n" << bold("vggt " + sub.get_name());
  for (const OptionFacts& option : options_of(sub)) {
    if (option.positional) out << " \\fI" << roff(option.names.front()) << "\\fR";
  }
  out << " [\\fIoptions\\fR]\n";
}

}  // namespace

std::string man_page(const CLI::App& app) {
  std::ostringstream out;
  out << ".TH VGGT 1 \"\" \"vggt " << version() << "\" \"User Commands\"\n"
      << ".SH NAME\nvggt \\- 3D reconstruction from photos\n.SH SYNOPSIS\n.nh\n.ad l\n"
      << bold("vggt") << " [\\fIoptions\\fR] \\fIcommand\\fR\n";
  for (const CLI::App* sub : subcommands_of(app)) write_synopsis(out, *sub);
  out << ".SH DESCRIPTION\n" << roff(app.get_description()) << "\n.SH COMMANDS\n";
  for (const CLI::App* sub : subcommands_of(app)) {
    out << ".SS " << roff(sub->get_name()) << "\n" << roff(sub->get_description()) << "\n";
    for (const OptionFacts& option : options_of(*sub)) {
      if (option.group != kGeneralGroup) write_option(out, option);
    }
    write_examples(out, *sub);
  }
  out << ".SH GENERAL OPTIONS\nThese stand before or after the command.\n";
  for (const OptionFacts& option : options_of(app)) write_option(out, option);
  write_examples(out, app);
  out << ".SH EXIT STATUS\n.TP\n0\nSuccess.\n.TP\n1\nFailure: a file, the model, the memory.\n"
         ".TP\n2\nWrong usage: an option or a field of a configuration.\n"
         ".TP\n130, 143\nInterrupted by Ctrl\\-C, or by SIGTERM; what was half done is removed.\n";
  return out.str();
}

}  // namespace vggt::apps
