// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iostream>

#include "apps/commands.h"
#include "apps/completion.h"
#include "apps/help.h"
#include "apps/man_page.h"

namespace vggt::apps {

void add_completion(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* sub = app.add_subcommand("completion", "Print a script that completes commands");
  sub->add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  sub->footer(examples(
      {{"In this shell", "source <(vggt completion bash)"},
       {"In every bash from now on (needs the package bash-completion)",
        "vggt completion bash > ~/.local/share/bash-completion/completions/vggt"},
       {"In every zsh from now on (a folder of $fpath)", "vggt completion zsh > ~/.zfunc/_vggt"}}));
  sub->callback([&app, shell] {
    std::cout << (*shell == "bash" ? bash_completion(app) : zsh_completion(app));
  });
}

void add_man(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("man", "Print the manual page");
  sub->footer(examples({{"Read it", "vggt man | man -l -"},
                        {"Keep it", "vggt man > ~/.local/share/man/man1/vggt.1"},
                        {"As a file for man", "vggt man > vggt.1"}}));
  sub->callback([&app] { std::cout << man_page(app); });
}

}  // namespace vggt::apps
