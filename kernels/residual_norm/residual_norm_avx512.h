// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/residual_norm/residual_norm_params.h"

namespace vggt::kernels {

/// Rows [begin, end), bfloat16 out.
void residual_norm_avx512(const ResidualNormParams& params, int64_t begin, int64_t end);

}  // namespace vggt::kernels
