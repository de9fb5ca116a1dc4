// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "kernels/linear/linear.h"

namespace vggt::kernels {

at::Tensor linear_reference(const at::Tensor& x,
                            const at::Tensor& weight,
                            const at::Tensor& bias,
                            Activation activation,
                            at::ScalarType out_dtype) {
  const at::ScalarType dtype = weight.scalar_type();
  at::Tensor y = at::linear(x.to(dtype), weight, bias.defined() ? bias.to(dtype) : bias);
  if (activation == Activation::kGelu) {
    const bool needs_grad = c10::GradMode::is_enabled() && y.requires_grad();
    y = needs_grad ? at::gelu(y) : at::gelu_(y);
  }
  return y.to(out_dtype);
}

}  // namespace vggt::kernels
