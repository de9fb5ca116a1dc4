// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt::kernels {

/// The end of one branch of a transformer block and the norm that the next begins with:
///   x = x + gamma * update;  return LayerNorm(x)
///
/// x          [..., C], contiguous, at least float: the residual stream, written over
/// update     [..., C], or undefined: nothing is added
/// gamma      [C], the layer scale; undefined without update
/// weight     [C], bias [C], of the norm, in the dtype of x
/// out_dtype  of the result, rounded once
/// Throws c10::Error if a shape, dtype or device does not fit. Does not synchronise.
///
/// One pass over memory on a CPU with AVX512-BF16 and on a GPU, for float x and bfloat16 out; else
/// the reference.
at::Tensor residual_norm(at::Tensor& x,
                         const at::Tensor& update,
                         const at::Tensor& gamma,
                         const at::Tensor& weight,
                         const at::Tensor& bias,
                         double eps,
                         at::ScalarType out_dtype);

/// The same in plain ATen, on any device and in any dtype.
at::Tensor residual_norm_reference(at::Tensor& x,
                                   const at::Tensor& update,
                                   const at::Tensor& gamma,
                                   const at::Tensor& weight,
                                   const at::Tensor& bias,
                                   double eps,
                                   at::ScalarType out_dtype);

}  // namespace vggt::kernels
