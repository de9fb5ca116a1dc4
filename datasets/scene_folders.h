// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/dataset.h"

namespace vggt::datasets {

/// The project's own scene format: <scene>/{images/, cameras.json}, and depth where cameras.json
/// says so. Each scene is a category of its own. How far its poses can be trusted is read from the
/// words of "pose_source", as datasets/README.md lists them.
Dataset load_scenes(const LoadOptions& options);

}  // namespace vggt::datasets
