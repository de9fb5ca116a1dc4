// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/attention/attention_head.h"

namespace vggt::kernels {

/// bfloat16 products, float32 sums; head_dim even. Needs AVX512-BF16.
AttentionKernel<uint16_t> attention_avx512();

}  // namespace vggt::kernels
