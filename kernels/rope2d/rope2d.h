// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

namespace vggt::kernels {

/// cos and sin of the angles of a 2-D rotary position embedding.
struct RopeTables {
  at::Tensor cos;  ///< [B or 1, N, D / 2]: D / 4 values for the row, then D / 4 for the column
  at::Tensor sin;
};

/// positions  [B or 1, N, 2] int64, (row, column) in patches
/// head_dim   D, divisible by 4
/// base       frequency base; VGGT uses 100
/// dtype      of the tables. Angles are float32 in any case, as in the original model.
RopeTables rope2d_tables(const at::Tensor& positions,
                         int64_t head_dim,
                         double base,
                         at::ScalarType dtype);

/// Rotates queries or keys by their position in the patch grid (2-D RoPE): the first half of the
/// head by the row, the second half by the column. With q = D / 4, j < q, b the base:
///   angle_j = position * b^(-j / q)
///   (u_j, u_{j+q}) -> (u_j cos - u_{j+q} sin, u_{j+q} cos + u_j sin)
/// Heo et al., "Rotary Position Embedding for Vision Transformer", ECCV 2024.
///
/// x       [B, N, A, D], float (double without CUDA), last stride 1
/// tables  of the same dtype and device, from rope2d_tables
/// Returns [B, N, A, D], contiguous, dtype of x, or `out_dtype` if given: rounding once, at the
/// end. Throws c10::Error if a shape, dtype or device does not fit. Does not synchronise.
at::Tensor rope2d(const at::Tensor& x,
                  const RopeTables& tables,
                  std::optional<at::ScalarType> out_dtype = std::nullopt);

/// The same in plain ATen, on any device and in any dtype: for double, and what the fast paths
/// and their gradients are tested against.
at::Tensor rope2d_reference(const at::Tensor& x, const RopeTables& tables);

}  // namespace vggt::kernels
