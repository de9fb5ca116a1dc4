// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/attention/attention_head.h"

namespace vggt::kernels {

/// float32 throughout. Needs AVX2 and FMA.
AttentionKernel<float> attention_avx2();

}  // namespace vggt::kernels
