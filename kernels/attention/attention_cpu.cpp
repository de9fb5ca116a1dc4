// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention_cpu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "kernels/common/cpu_features.h"
#include "kernels/common/scratch.h"
#ifdef VGGT_WITH_AVX2
#include "kernels/attention/attention_avx2.h"
#include "kernels/attention/attention_avx512.h"
#endif

namespace vggt::kernels {

#ifdef VGGT_WITH_AVX2
namespace {

constexpr int64_t kLeastChunk = 96;  // below, packing the keys shows
constexpr int64_t kRound = 6;        // queries that the kernels take at a time

struct Chunk {
  int64_t head;
  int64_t first;
  int64_t count;
  int64_t keys;
};

template <class Value>
std::vector<AttentionHead<Value>> heads_of(const at::Tensor& q,
                                           const at::Tensor& k,
                                           const at::Tensor& v,
                                           const AttentionOptions& options,
                                           const at::Tensor& out) {
  const bool grouped = options.q_offsets.defined();
  const at::Tensor& bias = options.key_bias;
  const auto* of_q = grouped ? options.q_offsets.const_data_ptr<int32_t>() : nullptr;
  const auto* of_k = grouped ? options.k_offsets.const_data_ptr<int32_t>() : nullptr;
  const int64_t groups = grouped ? options.q_offsets.size(0) - 1 : 1;
  std::vector<AttentionHead<Value>> heads;
  for (int64_t b = 0; b < q.size(0); ++b) {
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t query = grouped ? of_q[g] : 0;
      const int64_t key = grouped ? of_k[g] : 0;
      for (int64_t a = 0; a < q.size(2); ++a) {
        const auto at = [&](const at::Tensor& x, int64_t row) {
          return static_cast<const Value*>(x.const_data_ptr()) + b * x.stride(0) +
                 row * x.stride(1) + a * x.stride(2);
        };
        AttentionHead<Value> head;
        head.q = at(q, query);
        head.k = at(k, key);
        head.v = at(v, key);
        head.bias = nullptr;
        if (bias.defined()) {
          head.bias = bias.const_data_ptr<float>() + (bias.size(0) == 1 ? 0 : b * bias.stride(0)) +
                      (bias.size(1) == 1 ? 0 : a * bias.stride(1)) + key;
        }
        head.out = static_cast<Value*>(out.mutable_data_ptr()) + b * out.stride(0) +
                   query * out.stride(1) + a * q.size(3);
        head.queries = grouped ? of_q[g + 1] - query : q.size(1);
        head.keys = grouped ? of_k[g + 1] - key : k.size(1);
        head.head_dim = q.size(3);
        head.q_stride = q.stride(1);
        head.k_stride = k.stride(1);
        head.v_stride = v.stride(1);
        head.out_stride = out.stride(1);
        heads.push_back(head);
      }
    }
  }
  return heads;
}

// Chunks of queries, small enough to keep all threads busy to the end; the longest first.
template <class Value>
std::vector<Chunk> chunks_of(const std::vector<AttentionHead<Value>>& heads, int64_t threads) {
  int64_t work = 0;
  for (const auto& head : heads) work += head.queries * head.keys;
  const int64_t share = work / (16 * threads) + 1;
  std::vector<Chunk> chunks;
  for (size_t i = 0; i < heads.size(); ++i) {
    const int64_t queries = heads[i].queries;
    if (queries == 0) continue;
    const int64_t most =
        std::clamp(share / std::max<int64_t>(heads[i].keys, 1), kLeastChunk, kAttentionChunk);
    const int64_t pieces = (queries + most - 1) / most;
    const int64_t count = ((queries + pieces - 1) / pieces + kRound - 1) / kRound * kRound;
    for (int64_t first = 0; first < queries; first += count) {
      chunks.push_back(
          {static_cast<int64_t>(i), first, std::min(count, queries - first), heads[i].keys});
    }
  }
  std::stable_sort(chunks.begin(), chunks.end(), [](const Chunk& a, const Chunk& b) {
    return a.count * a.keys > b.count * b.keys;
  });
  return chunks;
}

// Each thread takes the next chunk when it is done with one: lengths may differ, and so may the
// threads.
template <class Value>
void run(const std::vector<AttentionHead<Value>>& heads,
         int64_t bytes,
         void (*kernel)(const AttentionHead<Value>&, int64_t, int64_t, void*)) {
  const std::vector<Chunk> chunks = chunks_of(heads, at::get_num_threads());
  const auto total = static_cast<int64_t>(chunks.size());
  std::atomic<int64_t> next = 0;
  at::parallel_for(0, std::min<int64_t>(total, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    const Scratch memory(bytes / static_cast<int64_t>(sizeof(uint32_t)));
    for (int64_t i = next++; i < total; i = next++) {
      const Chunk& chunk = chunks[static_cast<size_t>(i)];
      kernel(heads[static_cast<size_t>(chunk.head)], chunk.first, chunk.count, memory.words());
    }
  });
}

// Its products take pairs.
bool takes_avx512_bf16(const at::Tensor& q) { return prefers_avx512_bf16() && q.size(3) % 2 == 0; }

}  // namespace

bool has_cpu_kernel(const at::Tensor& q) {
  if (!q.is_cpu() || q.size(3) > kAttentionHeadDim) return false;
  if (q.scalar_type() == at::kFloat) return prefers_avx2();
  return q.scalar_type() == at::kBFloat16 && (takes_avx512_bf16(q) || prefers_avx2());
}

at::Tensor attention_cpu(const at::Tensor& q,
                         const at::Tensor& k,
                         const at::Tensor& v,
                         const AttentionOptions& options) {
  if (q.scalar_type() == at::kBFloat16 && !takes_avx512_bf16(q)) {
    return attention_cpu(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), options)
        .to(at::kBFloat16);
  }
  at::Tensor out = at::empty({q.size(0), q.size(1), q.size(2) * q.size(3)}, q.options());
  if (options.q_offsets.defined()) out.zero_();  // rows of no group
  if (q.scalar_type() == at::kFloat) {
    run(heads_of<float>(q, k, v, options, out), attention_avx2_bytes(), attention_avx2);
  } else {
    run(heads_of<uint16_t>(q, k, v, options, out), attention_avx512_bytes(), attention_avx512);
  }
  return out;
}

#else

bool has_cpu_kernel(const at::Tensor&) { return false; }

at::Tensor attention_cpu(const at::Tensor&,
                         const at::Tensor&,
                         const at::Tensor&,
                         const AttentionOptions&) {
  TORCH_INTERNAL_ASSERT(false, "attention: no kernel for this CPU");
}

#endif

}  // namespace vggt::kernels
