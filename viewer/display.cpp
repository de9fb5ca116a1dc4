// SPDX-License-Identifier: Apache-2.0
#include "viewer/display.h"

#include "src/base/error.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <cstdlib>
#include <filesystem>

namespace vggt::viewer {

std::string display_problem() {
  const char* x11 = std::getenv("DISPLAY");
  // Debian's GLFW and Filament draw through X11, under Wayland by XWayland.
  if (!x11 || !*x11) return "there is no display: DISPLAY is not set";
  if (glfwInit() != GLFW_TRUE) {
    return "the display " + std::string(x11) + " cannot be opened";
  }
  // It stays open until Open3D asks for it: some servers begin anew when nobody is left.
  return {};
}

bool has_graphics() {
  const char* software = std::getenv("LIBGL_ALWAYS_SOFTWARE");
  if (software && *software && *software != '0') return false;
  std::error_code error;
  return std::filesystem::exists("/dev/dri/renderD128", error) ||
         std::filesystem::exists("/dev/nvidia0", error);
}

std::string open3d_resources() {
  namespace fs = std::filesystem;
  if (const char* folder = std::getenv("VGGT_OPEN3D_RESOURCES"); folder && *folder) return folder;
  for (const char* folder : {"/usr/share/open3d-gui/resources", "/usr/local/share/resources"}) {
    std::error_code error;
    if (fs::exists(fs::path(folder) / "defaultUnlit.filamat", error)) return folder;
  }
  throw IoError("/usr/share/open3d-gui/resources",
                "Open3D's resources are not there: install open3d-gui, or name their folder in "
                "VGGT_OPEN3D_RESOURCES");
}

}  // namespace vggt::viewer
