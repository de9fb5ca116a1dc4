// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/dataset.h"

namespace vggt::datasets {

/// Scenes with a transforms.json (instant-ngp, nerfstudio, Blender). Frames whose photo is missing
/// are left out, as the well-known scenes list some; a file_path without extension is tried with
/// .png and .jpg. Distortion does not matter for poses and is passed over.
Dataset load_transforms(const LoadOptions& options);

}  // namespace vggt::datasets
