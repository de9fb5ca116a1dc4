// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt::accel {

/// How much geometry each patch holds: edges of the picture and variety of the encoder's tokens
/// around it, each brought to [0, 1] within its frame, weighted, and brought there again
/// (LiteVGGT).
/// images   [S, 3, H, W] float, normalised as the encoder takes them
/// patches  [S, h w, C], the encoder's tokens
/// Returns float32 [S, h w].
at::Tensor geometry_map(const at::Tensor& images,
                        const at::Tensor& patches,
                        double gradient_weight,
                        double variance_weight);

}  // namespace vggt::accel
