// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace vggt::viewer {

/// What 'vggt view' takes, which hands it to the viewer's own program.
struct ViewOptions {
  std::vector<std::string> paths;  ///< one or two scenes, or photos to reconstruct
  std::string screenshot;
  int camera = -1;    ///< -1: none
  int turntable = 0;  ///< 0: none
  std::string colour;
  double photo_opacity = 0.5;
  std::vector<int> size;         ///< width and height; empty: as the window was last
  int64_t most_points = 0;       ///< drawn at once; 0: by the graphics
  std::string output;            ///< of a live run
  std::string weights;           ///< likewise
  bool overwrite = false;        ///< likewise
  std::string program = "vggt";  ///< that reconstructs
};

/// Declares them, but for `program`.
void add_view_options(CLI::App& app, ViewOptions& options);

/// As they are written on a command line.
std::vector<std::string> arguments_of(const ViewOptions& options);

}  // namespace vggt::viewer
