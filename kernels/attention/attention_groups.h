// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "kernels/attention/attention.h"

namespace vggt::kernels {

/// Attention without groups; the bias may be undefined.
using DenseAttention = std::function<at::Tensor(
    const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& key_bias)>;

/// `attend` for each group by itself; rows of no group are zero.
at::Tensor attention_by_group(const at::Tensor& q,
                              const at::Tensor& k,
                              const at::Tensor& v,
                              const AttentionOptions& options,
                              const DenseAttention& attend);

}  // namespace vggt::kernels
