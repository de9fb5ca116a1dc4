// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt::kernels {

/// softmax(q k^T / sqrt(D)) v, every head by itself.
///
/// q          [B, Nq, A, D], k and v [B, Nk, A, D]: as a linear layer leaves them, tokens before
///            heads; one dtype and device, last stride 1
/// Returns    [B, Nq, A * D], contiguous, dtype of q: as the projection wants it
///
/// Never holds the Nq x Nk weights. On a CPU with AVX512-BF16 (and no AMX) a bfloat16 call with D
/// even and at most 64 is our own blocked kernel, with float32 sums and statistics (Dao et al.,
/// "FlashAttention", 2022); all else is LibTorch's scaled_dot_product_attention.
/// Throws c10::Error if a shape, dtype or device does not fit.
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

/// The same written out in plain ATen, on any device and in any dtype, Nq x Nk in memory: what the
/// fast paths are tested against.
at::Tensor attention_reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

}  // namespace vggt::kernels
