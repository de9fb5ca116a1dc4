// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/attention/attention_head.h"

namespace vggt::kernels {

/// Bytes of working memory, aligned to 64, for attention_avx2.
int64_t attention_avx2_bytes();

/// Queries [first, first + count) against all keys, in float32 throughout: at most kAttentionChunk.
/// Needs AVX2 and FMA.
void attention_avx2(const AttentionHead<float>& head, int64_t first, int64_t count, void* memory);

}  // namespace vggt::kernels
