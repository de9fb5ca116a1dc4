// SPDX-License-Identifier: Apache-2.0
#include "viewer/options.h"

#include <CLI/CLI.hpp>

namespace vggt::viewer {

void add_view_options(CLI::App& app, ViewOptions& options) {
  app.add_option(
         "paths",
         options.paths,
         "A result, COLMAP model, transforms.json or PLY, two of them to compare; or photos "
         "and folders of photos, which are reconstructed meanwhile")
      ->required()
      ->type_name("PATH");
  app.add_option("--screenshot",
                 options.screenshot,
                 "Write a picture (.png, .jpg) and open no window; needs no display")
      ->type_name("FILE");
  auto* camera =
      app.add_option("--camera",
                     options.camera,
                     "With --screenshot: look through photo K, the first is 0, with the photo over "
                     "the points")
          ->type_name("K")
          ->check(CLI::NonNegativeNumber);
  app.add_option("--turntable",
                 options.turntable,
                 "With --screenshot: N pictures around the scene; one video if the file ends in "
                 ".mp4, .avi or .mkv")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->excludes(camera);
  app.add_option("--colour", options.colour, "What colours the points")
      ->check(CLI::IsMember({"photo", "confidence", "depth", "frame", "error"}));
  app.add_option("--opacity", options.photo_opacity, "Of the photo over the points, with --camera")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--size", options.size, "Width and height of the picture or window in pixels")
      ->type_name("PX")
      ->delimiter(',')
      ->expected(2)
      ->allow_extra_args(false)
      ->check(CLI::Range(64, 16384));
  app.add_option("--most-points",
                 options.most_points,
                 "Points that the window draws at once (default: 200000 without graphics hardware, "
                 "else 3000000); a picture has all")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app.add_option("-o,--output", options.output, "Of photos: the result's folder to make")
      ->type_name("FOLDER");
  app.add_option(
         "--weights", options.weights, "Of photos: the model, as 'vggt reconstruct' takes it")
      ->type_name("FILE");
  app.add_flag("--overwrite", options.overwrite, "Of photos: replace an old result");
}

std::vector<std::string> arguments_of(const ViewOptions& options) {
  std::vector<std::string> arguments;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) arguments.push_back(name + "=" + value);
  };
  add("--screenshot", options.screenshot);
  if (options.camera >= 0) add("--camera", std::to_string(options.camera));
  if (options.turntable > 0) add("--turntable", std::to_string(options.turntable));
  add("--colour", options.colour);
  add("--opacity", std::to_string(options.photo_opacity));
  if (options.size.size() == 2) {
    add("--size", std::to_string(options.size[0]) + "," + std::to_string(options.size[1]));
  }
  if (options.most_points > 0) add("--most-points", std::to_string(options.most_points));
  add("--output", options.output);
  add("--weights", options.weights);
  if (options.overwrite) arguments.push_back("--overwrite");
  // What begins with a dash is a path from here on.
  arguments.push_back("--");
  arguments.insert(arguments.end(), options.paths.begin(), options.paths.end());
  return arguments;
}

}  // namespace vggt::viewer
