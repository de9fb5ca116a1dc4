// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/base/progress.h"

namespace vggt::apps {

/// The photos below a folder, evenly chosen if they are more than a few hundred, made smaller if
/// they are large: [H, W, 3] uint8. Crops of them are textures (TextureOptions::photos).
/// Throws ImageError naming a photo that cannot be read, Cancelled if the callback says so.
std::vector<at::Tensor> texture_photos(const std::string& folder, const ProgressCallback& progress);

}  // namespace vggt::apps
