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

constexpr int64_t kRound = 6;  // queries that the kernels take at a time

struct Chunk {
  int64_t head;
  int64_t first;
  int64_t count;
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

// Calls `work(i)` for each i below `count`. Each thread takes the next when it is done with one:
// lengths may differ, and so may the threads.
void share(int64_t count, const auto& begin_thread) {
  std::atomic<int64_t> next = 0;
  at::parallel_for(0, std::min<int64_t>(count, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    const auto work = begin_thread();
    for (int64_t i = next++; i < count; i = next++) work(i);
  });
}

// Heads go in groups: enough chunks of queries to keep all threads busy to the end, no more packed
// keys than that needs.
template <class Value>
void run(const std::vector<AttentionHead<Value>>& heads, const AttentionKernel<Value>& kernel) {
  const int64_t wanted = 64 * static_cast<int64_t>(at::get_num_threads());
  const auto total = static_cast<int64_t>(heads.size());
  std::vector<Chunk> chunks;
  std::vector<Chunk> blocks;    // of keys
  std::vector<int64_t> places;  // of the packed keys of the group's heads
  for (int64_t begin = 0, end = 0; begin < total; begin = end) {
    chunks.clear();
    blocks.clear();
    places.clear();
    int64_t words = 0;
    for (; end < total && static_cast<int64_t>(chunks.size()) < wanted; ++end) {
      const AttentionHead<Value>& head = heads[static_cast<size_t>(end)];
      places.push_back(words);
      if (head.queries == 0) continue;
      const int64_t pieces = (head.queries + kAttentionChunk - 1) / kAttentionChunk;
      const int64_t most = ((head.queries + pieces - 1) / pieces + kRound - 1) / kRound * kRound;
      for (int64_t first = 0; first < head.queries; first += most) {
        chunks.push_back({end, first, std::min(most, head.queries - first)});
      }
      for (int64_t key = 0; key < head.keys; key += kernel.keys) {
        blocks.push_back({end, key / kernel.keys, 1});
        words += kernel.block_words(head.head_dim);
      }
    }
    const auto head_of = [&](const Chunk& x) -> const AttentionHead<Value>& {
      return heads[static_cast<size_t>(x.head)];
    };
    // The longest first: none begins when the others have nothing left to do.
    std::stable_sort(chunks.begin(), chunks.end(), [&](const Chunk& a, const Chunk& b) {
      return a.count * head_of(a).keys > b.count * head_of(b).keys;
    });
    const Scratch packed(words);
    const auto packed_of = [&](const Chunk& x) {
      return packed.words() + places[static_cast<size_t>(x.head - begin)];
    };
    share(static_cast<int64_t>(blocks.size()), [&] {
      return [&](int64_t i) {
        const Chunk& block = blocks[static_cast<size_t>(i)];
        const AttentionHead<Value>& head = head_of(block);
        kernel.pack(
            head, block.first, packed_of(block) + block.first * kernel.block_words(head.head_dim));
      };
    });
    share(static_cast<int64_t>(chunks.size()), [&] {
      return [&, scratch = Scratch(kernel.scratch_words)](int64_t i) {
        const Chunk& chunk = chunks[static_cast<size_t>(i)];
        kernel.attend(head_of(chunk), chunk.first, chunk.count, packed_of(chunk), scratch.words());
      };
    });
  }
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
    run(heads_of<float>(q, k, v, options, out), attention_avx2());
  } else {
    run(heads_of<uint16_t>(q, k, v, options, out), attention_avx512());
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
