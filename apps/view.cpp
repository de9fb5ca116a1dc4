// SPDX-License-Identifier: Apache-2.0
#include "viewer/options.h"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include <unistd.h>

#include "apps/commands.h"
#include "apps/help.h"
#include "src/base/error.h"

namespace vggt::apps {
namespace {

// The viewer lies beside this program, and has its own libraries: this one starts without them.
void run(const viewer::ViewOptions& options) {
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string program = (self.parent_path() / "vggt-viewer").string();
  std::vector<std::string> words = {program, "--program=" + self.string()};
  for (std::string& word : viewer::arguments_of(options)) words.push_back(std::move(word));
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(program.c_str(), arguments.data());
  throw IoError(program,
                errno == ENOENT ? "the viewer is not there: install libopen3d-dev and open3d-gui, "
                                  "then configure and build again"
                                : std::string("cannot be started: ") + std::strerror(errno));
}

}  // namespace

void add_view(CLI::App& app) {
  const auto options = std::make_shared<viewer::ViewOptions>();
  CLI::App* sub = app.add_subcommand(
      "view", "Look at a result, PLY, COLMAP model or transforms.json, or watch one being made");
  viewer::add_view_options(*sub, *options);
  sub->footer(examples(
      {{"Look at a result; F1 lists the keys", "vggt view out/"},
       {"Reconstruct photos and watch", "vggt view photos/ -o out/"},
       {"What an acceleration changed: differences in colour", "vggt view dense/ merged/"},
       {"Pictures without a display", "vggt view out/ --screenshot a.png --camera 3"},
       {"A video around the scene", "vggt view out/ --screenshot a.mp4 --turntable 240"}}));
  sub->callback([options] { run(*options); });
}

}  // namespace vggt::apps
