// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "kernels/common/cpu_features.h"
#include "kernels/common/path.h"
#include "kernels/common/scratch.h"
#ifdef VGGT_WITH_AVX512_BF16
#include "kernels/attention/attention_avx512.h"
#endif

namespace vggt::kernels {
namespace {

// LibTorch's backward pass on a CPU is thousands of small products, each a call of its own; written
// out it is four large ones, as long as a head's weights are of a size to keep.
constexpr int64_t kMostWeightsToLearn = 1 << 22;

#ifdef VGGT_WITH_AVX512_BF16
at::Tensor attention_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const int64_t heads = q.size(2);
  const int64_t all_heads = q.size(0) * heads;
  at::Tensor out = at::empty({q.size(0), q.size(1), heads * q.size(3)}, q.options());
  const auto head_at = [&](int64_t i) {
    const auto at = [&](const at::Tensor& x) {
      return static_cast<const uint16_t*>(x.const_data_ptr()) + i / heads * x.stride(0) +
             i % heads * x.stride(2);
    };
    AttentionHead head;
    head.q = at(q);
    head.k = at(k);
    head.v = at(v);
    head.out = static_cast<uint16_t*>(out.mutable_data_ptr()) + i / heads * out.stride(0) +
               i % heads * q.size(3);
    head.queries = q.size(1);
    head.keys = k.size(1);
    head.head_dim = q.size(3);
    head.q_stride = q.stride(1);
    head.k_stride = k.stride(1);
    head.v_stride = v.stride(1);
    head.out_stride = out.stride(1);
    return head;
  };

  // Heads go in groups: enough blocks of queries for every thread, no more packed keys than that
  // needs.
  const int64_t query_blocks = (q.size(1) + kAttentionQueries - 1) / kAttentionQueries;
  const int64_t key_blocks = (k.size(1) + kAttentionKeys - 1) / kAttentionKeys;
  const int64_t wanted = 16 * static_cast<int64_t>(at::get_num_threads());
  const int64_t group = std::min(all_heads, (wanted + query_blocks - 1) / query_blocks);
  const int64_t packed_words = attention_packed_words(head_at(0));
  const Scratch packed(group * packed_words);
  for (int64_t first = 0; first < all_heads; first += group) {
    const int64_t count = std::min(group, all_heads - first);
    at::parallel_for(0, count * key_blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t head = i / key_blocks;
        attention_pack(head_at(first + head), i % key_blocks, packed.words() + head * packed_words);
      }
    });
    at::parallel_for(0, count * query_blocks, 1, [&](int64_t begin, int64_t end) {
      const Scratch scratch(attention_scratch_words());
      for (int64_t i = begin; i < end; ++i) {
        const int64_t head = i / query_blocks;
        attention_block(head_at(first + head),
                        i % query_blocks,
                        packed.words() + head * packed_words,
                        scratch.words());
      }
    });
  }
  return out;
}
#endif

}  // namespace

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) &&
                  q.size(2) == k.size(2) && q.size(3) == k.size(3),
              "attention: q must be [B, Nq, A, D], k and v [B, Nk, A, D], got ",
              q.sizes(),
              ", ",
              k.sizes(),
              " and ",
              v.sizes());
  TORCH_CHECK(q.scalar_type() == k.scalar_type() && q.scalar_type() == v.scalar_type() &&
                  q.device() == k.device() && q.device() == v.device(),
              "attention: q, k and v must share dtype and device");
  const bool needs_grad =
      c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  if (needs_grad && q.is_cpu() && q.size(1) * k.size(1) <= kMostWeightsToLearn) {
    return attention_reference(q, k, v);
  }
#ifdef VGGT_WITH_AVX512_BF16
  const bool fits = q.size(3) % 2 == 0 && q.size(3) <= 64 && q.numel() > 0 && k.numel() > 0 &&
                    q.stride(3) == 1 && k.stride(3) == 1 && v.stride(3) == 1;
  if (path() == Path::kFast && prefers_avx512_bf16() && q.is_cpu() &&
      q.scalar_type() == at::kBFloat16 && fits && !needs_grad) {
    return attention_cpu(q, k, v);
  }
#endif
  return at::scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
      .transpose(1, 2)
      .flatten(2);
}

}  // namespace vggt::kernels
