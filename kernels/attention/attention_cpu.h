// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/attention/attention.h"

namespace vggt::kernels {

/// Whether one of our CPU kernels takes q of this device, dtype and head size on this machine.
bool has_cpu_kernel(const at::Tensor& q);

/// Operands as attention() has checked them, none empty, last strides 1.
at::Tensor attention_cpu(const at::Tensor& q,
                         const at::Tensor& k,
                         const at::Tensor& v,
                         const AttentionOptions& options);

}  // namespace vggt::kernels
