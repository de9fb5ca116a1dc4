// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vggt::kernels {

/// Groups of rows for each of M column groups ("maps"), slots of map after map.
struct TokenGroups {
  at::Tensor map_offsets;     ///< int32 [M + 1]: slots of map m
  at::Tensor member_offsets;  ///< int32 [T + 1]
  at::Tensor members;         ///< int32 [nnz]: rows, ascending within a slot
  at::Tensor weight;          ///< float32 [nnz]; undefined: 1 / group size
};

/// The mean of each slot's members: y[t] = sum of weight * x[row, columns of t's map].
///
/// x       [R, C], float, bfloat16, half or double, last stride 1; C a multiple of M
/// Returns [T, C / M], contiguous, dtype of x. Sums in float32 (double of double), in the order of
/// the rows: two runs give the same bits. A slot of one member without weights is a copy, one
/// without members is 0. Differentiable in x. Throws c10::Error if a shape or dtype does not fit.
at::Tensor token_merge(const at::Tensor& x, const TokenGroups& groups);

/// Each row reads its slots: z[r, columns of m] = y[slot_of[m, r]].
///
/// y        [T, W], last stride 1
/// slot_of  int32 [M, R]; -1 gives zeros
/// Returns  [R, M W], contiguous, dtype of y. Differentiable in y.
at::Tensor token_unmerge(const at::Tensor& y, const at::Tensor& slot_of);

/// The same in plain ATen, on any device and in any dtype: what the fast paths and their gradients
/// are tested against.
at::Tensor token_merge_reference(const at::Tensor& x, const TokenGroups& groups);
at::Tensor token_unmerge_reference(const at::Tensor& y, const at::Tensor& slot_of);

}  // namespace vggt::kernels
