// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include <csignal>
#include <exception>
#include <iostream>

#include <c10/util/Exception.h>

#include "apps/commands.h"
#include "apps/output_file.h"
#include "src/base/error.h"

namespace {

constexpr int kFailure = 1;
constexpr int kWrongUsage = 2;

int fail(const std::string& message, int code) {
  std::cerr << "vggt: " << vggt::apps::printable(message) << "\n";
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader of our messages that goes away must not end the program in the middle of its work.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("Cameras, depth and a coloured point cloud from photos, with VGGT models.", "vggt");
  app.set_version_flag("--version", "vggt " VGGT_VERSION);
  app.require_subcommand(1);
#ifdef VGGT_WITH_IMAGE
  vggt::apps::add_reconstruct(app);
#endif
  vggt::apps::add_forward(app);
  vggt::apps::add_inspect(app);
  vggt::apps::add_bench(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  } catch (const vggt::ConfigError& error) {
    return fail(error.what(), kWrongUsage);
  } catch (const c10::Error& error) {
    return fail(error.what_without_backtrace(), kFailure);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", kFailure);
  } catch (const std::exception& error) {
    return fail(error.what(), kFailure);
  }
  return 0;
}
