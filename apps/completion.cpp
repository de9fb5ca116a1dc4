// SPDX-License-Identifier: Apache-2.0
#include "apps/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "apps/option_facts.h"
#include "apps/program.h"

namespace vggt::apps {
namespace {

// ---- bash

// "reconstruct:-o|reconstruct:--output"; `command` is empty before a subcommand.
std::string bash_pattern(const std::string& command, const OptionFacts& option) {
  std::string pattern;
  for (const std::string& name : option.names) {
    pattern += (pattern.empty() ? "" : "|") + command + ":" + name;
  }
  return pattern;
}

std::string bash_action(const OptionFacts& option) {
  if (!option.choices.empty()) {
    return std::string(option.list ? "_vggt_list" : "_vggt_words") + " " +
           shell_quoted(joined(option.choices, " "));
  }
  if (option.takes_folder) return "_vggt_paths -d";
  return option.takes_file ? "_vggt_paths -f" : ":";
}

// What may follow each option, and, for words that no option asks for, each subcommand's own.
struct BashCases {
  std::string of_options;
  std::string names;
  std::string arguments;
};

BashCases bash_cases(const CLI::App& app, const std::string& command) {
  BashCases cases;
  std::vector<std::string> names;
  for (const OptionFacts& option : options_of(app)) {
    if (option.positional) {
      if (cases.arguments.empty())
        cases.arguments = "    " + command + ") " + bash_action(option) + " ;;\n";
      continue;
    }
    names.insert(names.end(), option.names.begin(), option.names.end());
    if (option.value.empty()) continue;
    cases.of_options +=
        "    " + bash_pattern(command, option) + ") " + bash_action(option) + "; return ;;\n";
  }
  cases.names = "      " + (command.empty() ? "''" : command) + ") _vggt_words " +
                shell_quoted(joined(names, " ")) + " ;;\n";
  return cases;
}

constexpr const char* kBashBegin = R"(# Completion of vggt for bash, made by: vggt completion bash
# To use it: source <(vggt completion bash), or keep it as
# ~/.local/share/bash-completion/completions/vggt

_vggt_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }

_vggt_paths() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" -- "$current")
}

# The last of several words with commas between them.
_vggt_list() {
  local before=""
  [[ $current == *,* ]] && before=${current%,*},
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${current##*,}")
  compopt -o nospace 2>/dev/null
}

_vggt() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command="" word
  COMPREPLY=()
  # bash takes --option=value for three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
)";

// ---- zsh

// In single quotes; brackets and colons mean something to _arguments.
std::string zsh_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\'') {
      escaped += "'\\''";
      continue;
    }
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string zsh_action(const OptionFacts& option) {
  const std::string choices = joined(option.choices, " ");
  if (!choices.empty()) return option.list ? "_values -s , choice " + choices : "(" + choices + ")";
  if (option.takes_folder) return "_files -/";
  return option.takes_file ? "_files" : " ";
}

void zsh_arguments(std::ostringstream& out, const CLI::App& app, const std::string& indent) {
  for (const OptionFacts& option : options_of(app)) {
    out << " \\\n" << indent;
    const std::string action = ":" + zsh_text(option.value) + ":" + zsh_action(option);
    if (option.positional) {
      out << "'" << (option.several ? "*:" : ":") << zsh_text(option.names.front()) << ":"
          << zsh_action(option) << "'";
      continue;
    }
    // Of several names for the same option only one is offered.
    const std::string excluded =
        option.names.size() > 1 ? "(" + joined(option.names, " ") + ")" : "";
    for (const std::string& name : option.names) {
      if (&name != &option.names.front()) out << " ";
      out << "'" << excluded << name;
      if (!option.value.empty() && name.starts_with("--")) out << "=";  // as --name=value, too
      out << "[" << zsh_text(option.description) << "]" << (option.value.empty() ? "" : action)
          << "'";
    }
  }
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  BashCases all = bash_cases(app, "");
  for (const CLI::App* sub : subcommands_of(app)) {
    const BashCases cases = bash_cases(*sub, sub->get_name());
    all.of_options += cases.of_options;
    all.names += cases.names;
    all.arguments += cases.arguments;
  }
  const std::vector<std::string> commands = subcommand_names(app);
  std::ostringstream out;
  out << kBashBegin << "      " << joined(commands, "|")
      << ") command=$word; break ;;\n    esac\n  done\n  case $command:$previous in\n"
      << all.of_options << "  esac\n  if [[ $current == -* ]]; then\n    case $command in\n"
      << all.names << "    esac\n    return\n  fi\n  case $command in\n    '') _vggt_words "
      << shell_quoted(joined(commands, " ")) << " ;;\n"
      << all.arguments << "  esac\n}\n\ncomplete -F _vggt vggt\n";
  return out.str();
}

std::string zsh_completion(const CLI::App& app) {
  std::ostringstream out;
  out << "#compdef vggt\n"
         "# Completion of vggt for zsh, made by: vggt completion zsh\n"
         "# To use it: keep it as _vggt in a folder of $fpath, or: source <(vggt completion "
         "zsh)\n\n"
         "_vggt() {\n  local context state state_descr line\n  typeset -A opt_args\n"
         "  local -a commands=(\n";
  for (const CLI::App* sub : subcommands_of(app)) {
    out << "    '" << sub->get_name() << ":" << zsh_text(sub->get_description()) << "'\n";
  }
  out << "  )\n  _arguments -C";
  zsh_arguments(out, app, "    ");
  out << " \\\n    '1:command:->command' '*::argument:->argument'\n"
         "  case $state in\n    command) _describe command commands ;;\n    argument)\n"
         "      case $words[1] in\n";
  for (const CLI::App* sub : subcommands_of(app)) {
    out << "        " << sub->get_name() << ")\n          _arguments";
    zsh_arguments(out, *sub, "            ");
    out << "\n          ;;\n";
  }
  out << "      esac\n      ;;\n  esac\n}\n\n"
         "if [[ $funcstack[1] == _vggt ]]; then _vggt \"$@\"; else compdef _vggt vggt; fi\n";
  return out.str();
}

}  // namespace vggt::apps
