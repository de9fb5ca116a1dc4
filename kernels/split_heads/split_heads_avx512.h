// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/split_heads/split_heads_params.h"

namespace vggt::kernels {

/// Tokens [begin, end), counted over the whole batch; heads of 64 channels, bfloat16 out.
void split_heads_avx512(const SplitHeadsParams& params, int64_t begin, int64_t end);

}  // namespace vggt::kernels
