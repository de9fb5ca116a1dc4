// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt::synthetic {

/// What a picture loses when it is stored as a JPEG file (ITU-T T.81) and read again: its 8 x 8
/// blocks' frequencies are rounded to multiples of the standard's example tables (Annex K), which
/// `quality` scales as the Independent JPEG Group's encoder does; colours are kept at half the
/// resolution.
/// picture  [3, H, W] float in [0, 1], of any size, on any device
/// quality  1 (worst) to 100
/// Returns the same shape and range.
at::Tensor stored_as_jpeg(const at::Tensor& picture, int quality);

}  // namespace vggt::synthetic
