// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace vggt::datasets {

/// Folders with images/ and a COLMAP model, binary or text, in sparse/0, sparse or the folder
/// itself. Distortion does not matter for poses and is passed over.
Dataset load_colmap(const LoadOptions& options);

/// The photos of a model, in natural order of their names, which are relative to `images`. Throws
/// IoError.
std::vector<Frame> colmap_frames(const std::string& model, const std::string& images);

}  // namespace vggt::datasets
