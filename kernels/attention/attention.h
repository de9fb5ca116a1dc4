// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt::kernels {

/// What attention() may take besides queries, keys and values.
struct AttentionOptions {
  /// float32 [B or 1, A or 1, Nk], added to q k^T / sqrt(D): the logarithm of the mass of merged
  /// keys, -inf for a key that is to be left out. Undefined: none.
  at::Tensor key_bias;
  /// Ragged groups, int32 [G + 1] each, on the device of q: B is 1, queries [q_offsets[g],
  /// q_offsets[g + 1]) meet keys [k_offsets[g], k_offsets[g + 1]) and no others. Offsets do not
  /// descend. Heads (and scenes) of different lengths are groups of A = 1, their rows behind one
  /// another. Undefined, both: every query meets every key of its batch item.
  at::Tensor q_offsets;
  at::Tensor k_offsets;
};

/// softmax(q k^T / sqrt(D) + bias) v, every head by itself.
///
/// q          [B, Nq, A, D], k and v [B, Nk, A, D]: as a linear layer leaves them, tokens before
///            heads; one dtype and device
/// Returns    [B, Nq, A * D], contiguous, dtype of q: as the projection wants it; zero for queries
///            in no group, or with no key of a bias above -inf
///
/// Never holds the Nq x Nk weights, and sums in float32 (Dao et al., "FlashAttention", 2022). With
/// D at most 128 and no gradients wanted it is our own kernel
///   - on a CPU with AVX512-BF16, bfloat16, D even;
///   - on a CPU with AVX2, float32, and bfloat16 widened to it where AVX512-BF16 does not take it;
///   - on CUDA from sm_80 on, bfloat16, D a multiple of 8, if there is a bias or there are groups.
/// All else is LibTorch's scaled_dot_product_attention, group by group (on CUDA that reads the
/// offsets back), or the reference. So is everything on a CPU with AMX: LibTorch uses its matrix
/// units, we do not.
/// Throws c10::Error if a shape, dtype or device does not fit. On CUDA offsets are not looked at.
at::Tensor attention(const at::Tensor& q,
                     const at::Tensor& k,
                     const at::Tensor& v,
                     const AttentionOptions& options = {});

/// The same written out in plain ATen, on any device and in any dtype, Nq x Nk in memory: what the
/// fast paths are tested against.
at::Tensor attention_reference(const at::Tensor& q,
                               const at::Tensor& k,
                               const at::Tensor& v,
                               const AttentionOptions& options = {});

}  // namespace vggt::kernels
