// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/rope2d/rope2d.h"

namespace vggt::kernels {

/// What attention takes, [B, N, A, D] each.
struct Heads {
  at::Tensor q, k, v;
};

/// A LayerNorm over the channels of one head.
struct HeadNorm {
  at::Tensor weight;  ///< [D], float or double; undefined: no norm
  at::Tensor bias;
  double eps = 1e-5;
};

/// Splits a packed projection into heads: q and k pass their LayerNorm and the rotary embedding
/// (rope2d) in the dtype of `packed`, all three are rounded once.
///
/// packed  [B, N, 3 A D], rows of q, then k, then v; at least float for norms and rotations
/// tables  from rope2d_tables, in the dtype of `packed`; null: no rotation
/// out     defined, of equal shapes [B, N, A, D] and any dtype; its tokens may be a slice of longer
///         sequences, each token contiguous
/// Throws c10::Error if a shape, dtype or device does not fit. Does not synchronise.
///
/// One pass over memory on a CPU with AVX512-BF16 and on a GPU, for float in and bfloat16 out, with
/// norms and rotation; else the reference.
void split_heads(const at::Tensor& packed,
                 const HeadNorm& q_norm,
                 const HeadNorm& k_norm,
                 const RopeTables* tables,
                 const Heads& out);

/// The same in plain ATen, on any device and in any dtype.
void split_heads_reference(const at::Tensor& packed,
                           const HeadNorm& q_norm,
                           const HeadNorm& k_norm,
                           const RopeTables* tables,
                           const Heads& out);

}  // namespace vggt::kernels
