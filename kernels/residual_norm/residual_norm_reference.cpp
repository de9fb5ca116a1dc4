// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "kernels/residual_norm/residual_norm.h"

namespace vggt::kernels {

at::Tensor residual_norm_reference(at::Tensor& x,
                                   const at::Tensor& update,
                                   const at::Tensor& gamma,
                                   const at::Tensor& weight,
                                   const at::Tensor& bias,
                                   double eps,
                                   at::ScalarType out_dtype) {
  if (update.defined()) x.addcmul_(update.to(x.scalar_type()), gamma);
  return at::layer_norm(x, {x.size(-1)}, weight, bias, eps).to(out_dtype);
}

}  // namespace vggt::kernels
