// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt::kernels {

enum class Activation {
  kNone,
  kGelu,  ///< x / 2 (1 + erf(x / sqrt 2))
};

/// act(x W^T + b), the linear layer of a transformer.
///
/// x           [..., K], rounded to the dtype of W for the products
/// weight      [N, K], floating point
/// bias        [N], float or the dtype of W; or undefined
/// out_dtype   the dtype of W, or float
/// Returns     [..., N] in out_dtype
///
/// Sums are float32 or wider. On a CPU with AVX512-BF16 (and no AMX) a bfloat16 layer is one pass
/// of our own: bias and activation act on the float32 sums, which are rounded once, to out_dtype;
/// and up to 12 rows of a float layer are one reading of its weights.
/// All else is LibTorch's linear, which rounds bias and sums to the dtype of W first.
/// Throws c10::Error if a shape, dtype or device does not fit.
at::Tensor linear(const at::Tensor& x,
                  const at::Tensor& weight,
                  const at::Tensor& bias,
                  Activation activation,
                  at::ScalarType out_dtype);

/// The same in plain ATen, on any device and in any dtype: autograd's path, and what the fast one
/// is tested against.
at::Tensor linear_reference(const at::Tensor& x,
                            const at::Tensor& weight,
                            const at::Tensor& bias,
                            Activation activation,
                            at::ScalarType out_dtype);

}  // namespace vggt::kernels
