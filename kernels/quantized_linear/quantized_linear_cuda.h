// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/quantized_linear/quantized_linear.h"

namespace vggt::kernels {

/// quantized_linear() on a GPU; undefined where it has no fast way (an old architecture, sizes that
/// do not fit), for which the reference is taken.
at::Tensor quantized_linear_cuda(const at::Tensor& x,
                                 const QuantizedWeight& weight,
                                 const at::Tensor& bias,
                                 Activation activation,
                                 at::ScalarType out_dtype);

}  // namespace vggt::kernels
