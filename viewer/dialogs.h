// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <open3d/visualization/gui/Dialog.h>

#include <functional>
#include <memory>
#include <string>

namespace vggt::viewer {

std::shared_ptr<open3d::visualization::gui::Dialog> help_dialog(
    const open3d::visualization::gui::Theme& theme, std::function<void()> close);

/// Asks for a path; `path` is an example. Open3D's own dialog for files would end the program:
/// its list of folders is a combobox (see Controls).
std::shared_ptr<open3d::visualization::gui::Dialog> open_dialog(
    const open3d::visualization::gui::Theme& theme,
    const std::string& path,
    std::function<void()> cancel,
    std::function<void(const std::string& path)> open);

}  // namespace vggt::viewer
