// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace vggt::calibrate {

/// What tells calibration scenes apart (Feng et al., "QuantVGGT", ICLR 2026, section on
/// noise-filtered diverse sampling).
struct SceneTraits {
  std::vector<double> means;  ///< of the inputs of deep layers
  std::vector<double> variances;
  std::vector<double> likeness;  ///< cosine of frame 0's and each other frame's features
};

/// Scenes without the fifth whose means and variances are farthest from the others', then `wanted`
/// of them, drawn evenly from clusters (k-means, 8 at most) of their likeness. Ascending; all if
/// there are not more than wanted, but for the outliers. The same for the same seed.
/// Throws ConfigError naming the scene if a trait is not finite.
std::vector<size_t> choose_scenes(const std::vector<SceneTraits>& scenes,
                                  size_t wanted,
                                  uint64_t seed);

}  // namespace vggt::calibrate
