// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt::kernels {

/// A position embedding whose first half of the channels depends on the column only, the second on
/// the row only.
struct PixelPosition {
  at::Tensor by_column;  ///< [W, C / 2]
  at::Tensor by_row;     ///< [H, C / 2]
};

/// What a convolution takes besides its weights; all may be left out.
struct Conv3x3Options {
  int64_t rows = 0;        ///< the input is resized first, bilinearly with corners aligned; 0: not
  int64_t columns = 0;     ///< likewise
  PixelPosition position;  ///< added to the (resized) input
  at::Tensor added;        ///< [N, H, W, K], added to the result
  at::Tensor also_added;   ///< likewise
  bool relu = false;       ///< of the sum
};

/// The weights of a 3x3 convolution, transformed: four times as large.
struct Conv3x3Weights {
  at::Tensor panels;  ///< [36, blocks, C, 32 or 64], float
  at::Tensor bias;    ///< [K] float, or undefined
  int64_t out = 0;    ///< K
};

/// Whether conv3x3 runs here (AVX512), on the path that is asked for (common/path.h).
bool has_conv3x3();

/// weight [K, C, 3, 3], bias [K] or undefined, on the CPU; computed in float.
Conv3x3Weights transform_conv3x3(const at::Tensor& weight, const at::Tensor& bias);

/// 3x3 convolution with stride 1 and a border of one zero, channels last, in float32 by Winograd's
/// F(4x4, 3x3): a quarter of the multiplications. Rounding errors are some ten times those of the
/// sum as it is written, 2e-6 to 6e-6 of the result; a NaN or infinity spoils the tiles of 4 x 4
/// pixels that read it.
/// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
///
/// x        [N, h, w, C] float on the CPU
/// Returns  [N, H, W, K] float; H = h and W = w unless resized. No autograd.
/// Throws c10::Error if a shape, dtype or device does not fit, or if has_conv3x3() is false.
at::Tensor conv3x3(const at::Tensor& x,
                   const Conv3x3Weights& weights,
                   const Conv3x3Options& options = {});

/// The same in plain ATen from the weights as they are, in any dtype: what it is tested against.
at::Tensor conv3x3_reference(const at::Tensor& x,
                             const at::Tensor& weight,
                             const at::Tensor& bias,
                             const Conv3x3Options& options = {});

}  // namespace vggt::kernels
