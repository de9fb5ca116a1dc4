// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <optional>

#include "src/base/error.h"
#include "viewer/display.h"
#include "viewer/options.h"
#include "viewer/scene/load.h"
#include "viewer/scene/picture.h"
#include "viewer/scene/settings.h"
#include "viewer/scene/shot.h"
#include "viewer/window.h"

namespace {

using vggt::viewer::ViewOptions;

constexpr int kFailure = 1;
constexpr int kWrongUsage = 2;

int fail(const std::string& message, int code) {
  std::fprintf(stderr, "vggt: error: %s\n", message.c_str());
  return code;
}

void take_screenshot(const ViewOptions& options) {
  using namespace vggt::viewer;
  if (options.paths.size() != 1) {
    throw vggt::ConfigError("--screenshot",
                            "takes one scene, not " + std::to_string(options.paths.size()));
  }
  const Scene scene = load_scene(options.paths[0]);
  for (const std::string& warning : scene.warnings) {
    std::fprintf(stderr, "vggt: warning: %s\n", warning.c_str());
  }
  const UserSettings user = read_user_settings(user_settings_path());
  const ViewSettings view = read_view_settings(view_settings_path(scene), {.filter = scene.filter});
  Shot shot{.background = user.background, .point_size = user.point_size, .filter = view.filter};
  if (options.size.size() == 2) {
    shot.width = options.size[0];
    shot.height = options.size[1];
  }
  if (!options.colour.empty()) shot.colour = colour_by(options.colour);
  if (view.up != std::array<double, 3>{})
    shot.up = Eigen::Map<const Eigen::Vector3d>(view.up.data());
  if (options.turntable > 0) {
    for (const std::string& file :
         write_turntable(options.screenshot, scene, shot, options.turntable)) {
      std::printf("%s\n", file.c_str());
    }
    return;
  }
  std::optional<int> camera;
  if (options.camera >= 0) {
    camera = options.camera;
    shot.photo_opacity = options.photo_opacity;
  }
  write_picture(options.screenshot, shot_of(scene, shot, camera));
  std::printf("%s\n", options.screenshot.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The viewer of 'vggt view', which starts it.", "vggt-viewer");
  ViewOptions options;
  vggt::viewer::add_view_options(app, options);
  app.add_option("--program", options.program, "The vggt that reconstructs")->capture_default_str();
  try {
    app.parse(argc, argv);
    if (!options.screenshot.empty()) {
      take_screenshot(options);
      return 0;
    }
    // Filament ends the process where it finds no display: it must not come so far.
    const std::string problem = vggt::viewer::display_problem();
    if (!problem.empty()) {
      return fail(
          problem + "; without a display 'vggt view PATH --screenshot a.png' writes a picture",
          kFailure);
    }
    return vggt::viewer::show_window(options);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return fail(error.what(), kWrongUsage);
  } catch (const vggt::ConfigError& error) {
    return fail(error.what(), kWrongUsage);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", kFailure);
  } catch (const std::exception& error) {
    return fail(error.what(), kFailure);
  }
}
