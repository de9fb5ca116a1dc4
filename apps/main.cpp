// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <iostream>

#include <c10/util/Exception.h>

#include "apps/commands.h"
#include "apps/help.h"
#include "apps/interrupt.h"
#include "apps/messages.h"
#include "apps/option_facts.h"
#include "apps/program.h"
#include "apps/usage.h"
#include "src/base/error.h"

namespace {

using vggt::apps::messages;

constexpr int kFailure = 1;
constexpr int kWrongUsage = 2;
constexpr int kSignal = 128;

int fail(const std::string& message, int code) {
  messages().finish(code, message);
  return code;
}

void describe(CLI::App& app) {
  vggt::apps::set_help_format(app);
  app.require_subcommand(1);
#ifdef VGGT_WITH_IMAGE
  vggt::apps::add_reconstruct(app);
  vggt::apps::add_convert(app);
  vggt::apps::add_view(app);
  vggt::apps::add_evaluate(app);
  vggt::apps::add_synth(app);
  vggt::apps::add_quantize(app);
#endif
  vggt::apps::add_forward(app);
  vggt::apps::add_inspect(app);
  vggt::apps::add_train(app);
  vggt::apps::add_bench(app);
  vggt::apps::add_completion(app);
  vggt::apps::add_man(app);
  // On both sides, so that they may stand before or after the subcommand, and its help has them.
  for (CLI::App* sub : app.get_subcommands({})) {
    vggt::apps::add_general_options(*sub, messages().options);
  }
  vggt::apps::add_general_options(app, messages().options);
  app.set_version_flag(
         "--version",
         std::string("vggt ") + vggt::apps::version() + " (" + vggt::apps::commit() + ")",
         "Show the version and the commit it was built from")
      ->group(vggt::apps::kGeneralGroup);
  app.footer(
      vggt::apps::examples(
          {{"Cameras, depth and points from a folder of photos; look at out/preview.png first",
            "vggt reconstruct photos/ -o out/"},
           {"What a checkpoint is, and whether it is complete", "vggt inspect model.safetensors"},
           {"Everything about a command", "vggt reconstruct --help"}}) +
      "\n\nExit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted (143 by SIGTERM).");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Cameras, depth and a coloured point cloud from photos, with VGGT models.", "vggt");
  describe(app);
  try {
    app.parse(argc, argv);
    std::cout.flush();
    if (!std::cout || std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      return fail("standard output: cannot be written completely", kFailure);
    }
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return fail(vggt::apps::usage_message(app, error), kWrongUsage);
  } catch (const vggt::Cancelled&) {
    return fail("interrupted", kSignal + vggt::apps::interrupted_by());
  } catch (const vggt::ConfigError& error) {
    return fail(error.what(), kWrongUsage);
  } catch (const c10::Error& error) {
    return fail(error.what_without_backtrace(), kFailure);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", kFailure);
  } catch (const std::exception& error) {
    return fail(error.what(), kFailure);
  }
  messages().finish(0);
  return 0;
}
