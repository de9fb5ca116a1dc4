// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/dataset.h"

namespace vggt::datasets {

/// RealEstate10K: <split>/<hash>.txt with the cameras, one line per frame, and the frames taken
/// from the video as <hash>/images/ in the order of the lines; or <hash>/annotations.json instead
/// of the text. Zhou et al., "Stereo Magnification", SIGGRAPH 2018.
Dataset load_re10k(const LoadOptions& options);

}  // namespace vggt::datasets
