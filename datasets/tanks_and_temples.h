// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/dataset.h"

namespace vggt::datasets {

/// Tanks and Temples: <Scene>/{*.jpg or images/} with <Scene>_COLMAP_SfM.log, in it or beside it,
/// or with a COLMAP model in sparse/0. The poses are COLMAP's, not the scanner's. Of the training
/// scenes the scan is compared with where <Scene>.ply, <Scene>_trans.txt and <Scene>.json lie there.
/// Knapitsch et al., "Tanks and Temples", SIGGRAPH 2017.
Dataset load_tanks_and_temples(const LoadOptions& options);

}  // namespace vggt::datasets
