// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/attention/attention_head.h"

namespace vggt::kernels {

/// Bytes of working memory, aligned to 64, for attention_avx512.
int64_t attention_avx512_bytes();

/// Queries [first, first + count) against all keys; head_dim even. Needs AVX512-BF16.
void attention_avx512(const AttentionHead<uint16_t>& head,
                      int64_t first,
                      int64_t count,
                      void* memory);

}  // namespace vggt::kernels
