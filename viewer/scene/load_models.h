// SPDX-License-Identifier: Apache-2.0
// The formats of others, each as load_scene() reads it.
#pragma once

#include <string>

#include "viewer/scene/load.h"

namespace vggt::viewer {

Scene load_ply(const std::string& path);

/// folder  that holds the model's files
Scene load_colmap(const std::string& path, const std::string& folder);

/// The folder of the model that `path` is or holds; empty: none.
std::string colmap_folder(const std::string& path);

Scene load_transforms(const std::string& path, const std::string& file);

}  // namespace vggt::viewer
