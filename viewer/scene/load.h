// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "viewer/scene/scene.h"

namespace vggt::viewer {

/// What a path holds; empty: nothing that can be shown (it may be a folder of photos).
///   a folder with report.json                      a result of 'vggt reconstruct'
///   a folder with cameras.bin or .txt, or with     a COLMAP model
///     sparse/0 or sparse that has
///   a folder with transforms.json, or such a file  nerfstudio's cameras, and the points it names
///   a file that ends in .ply                       points
std::optional<SceneKind> kind_of(const std::string& path);

/// Called by load_scene() whenever there is more to show, on its thread: of a result after each
/// photo, with `done` of `total`. Returning false ends the loading with Cancelled.
using LoadCallback = std::function<bool(const Scene& so_far, size_t done, size_t total)>;

/// Reads what is there. Photos that are missing leave grey points and a warning, as do maps of a
/// result that are missing or damaged; a result without any usable map shows its points.ply.
/// Throws IoError naming file and reason where nothing can be shown; Cancelled.
Scene load_scene(const std::string& path, const LoadCallback& callback = {});

}  // namespace vggt::viewer
