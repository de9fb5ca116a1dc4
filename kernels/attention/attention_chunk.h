// SPDX-License-Identifier: Apache-2.0
// The way of a chunk of queries through the keys, the same for all instruction sets (Dao et al.,
// "FlashAttention", 2022). Blocks of keys and values are packed once per head, each small enough
// for the second-level cache. A chunk of queries meets one block after the other, `Kernel::kPass`
// queries at a time: their logits with the whole block, softmax in the first-level cache, the
// product with the values. What a query has gathered is scaled whenever a block brings a larger
// logit.
// Include it only from files compiled for the instructions; a Kernel lives in an unnamed namespace,
// so that no copy compiled for them reaches other machines.
#pragma once

#include <cmath>

#include "kernels/attention/attention_head.h"

namespace vggt::kernels {

/// One packed block, and where its parts lie.
template <class Kernel>
struct PackedBlock {
  using Word = typename Kernel::Word;
  PackedBlock(const uint32_t* packed, int64_t head_dim)
      : keys(reinterpret_cast<const Word*>(packed)),
        values(keys + Kernel::key_words(head_dim)),
        bias(reinterpret_cast<const float*>(values + Kernel::value_words(head_dim))) {}
  static int64_t words(int64_t head_dim) {
    return Kernel::key_words(head_dim) + Kernel::value_words(head_dim) + Kernel::kKeys;
  }

  const Word* keys;
  const Word* values;
  const float* bias;  ///< in powers of 2; -inf behind the last key
};

template <class Kernel>
struct ChunkState {
  alignas(64) float logits[Kernel::kPass][Kernel::kKeys];
  float largest[kAttentionChunk];  ///< of the logits so far, in powers of 2
  float mass[kAttentionChunk];     ///< sum of the weights so far
  alignas(64) float out[kAttentionChunk * kAttentionHeadDim];
};

constexpr float kLog2E = 1.44269504F;

template <class Kernel>
void pack_block(const AttentionHead<typename Kernel::Value>& head,
                int64_t block,
                uint32_t* packed) {
  using Word = typename Kernel::Word;
  const PackedBlock<Kernel> parts(packed, head.head_dim);
  const int64_t first = block * Kernel::kKeys;
  const int64_t left = head.keys - first;
  const int64_t count = left < Kernel::kKeys ? left : Kernel::kKeys;
  Kernel::pack_keys(head, first, count, const_cast<Word*>(parts.keys));
  Kernel::pack_values(head, first, count, const_cast<Word*>(parts.values));
  auto* bias = const_cast<float*>(parts.bias);
  for (int64_t i = 0; i < Kernel::kKeys; ++i) {
    bias[i] = i >= count ? -INFINITY : head.bias ? head.bias[first + i] * kLog2E : 0;
  }
}

template <class Kernel>
void attend(const AttentionHead<typename Kernel::Value>& head,
            int64_t first,
            int64_t count,
            const uint32_t* packed,
            uint32_t* scratch) {
  constexpr float kInfinity = INFINITY;
  constexpr int64_t kKeys = Kernel::kKeys;
  constexpr int64_t kPass = Kernel::kPass;
  static_assert(kAttentionChunk % kPass == 0);
  auto& state = *reinterpret_cast<ChunkState<Kernel>*>(scratch);
  const float scale = kLog2E / std::sqrt(static_cast<float>(head.head_dim));
  const int64_t width = Kernel::out_width(head.head_dim);
  for (int64_t i = 0; i < kAttentionChunk; ++i) {
    state.largest[i] = -kInfinity;
    state.mass[i] = 0;
  }
  for (int64_t i = 0; i < kAttentionChunk * width; ++i) state.out[i] = 0;

  for (int64_t key = 0; key < head.keys; key += kKeys) {
    const PackedBlock<Kernel> block(packed, head.head_dim);
    packed += PackedBlock<Kernel>::words(head.head_dim);
    const int64_t keys = head.keys - key < kKeys ? head.keys - key : kKeys;
    const int64_t padded = (keys + Kernel::kStep - 1) / Kernel::kStep * Kernel::kStep;
    // Without a bias logits are left unscaled, which saves a multiplication.
    const bool biased = head.bias || padded != keys;
    for (int64_t query = 0; query < count; query += kPass) {
      const typename Kernel::Value* queries[kPass];
      for (int64_t r = 0; r < kPass; ++r) {
        const int64_t inside = query + r < count ? query + r : count - 1;
        queries[r] = head.q + (first + inside) * head.q_stride;
      }
      float largest[kPass];
      if (biased) {
        Kernel::template logits<true>(queries, head.head_dim, scale, padded, block, state, largest);
      } else {
        Kernel::template logits<false>(
            queries, head.head_dim, scale, padded, block, state, largest);
      }
      float keep[kPass];
      for (int64_t r = 0; r < kPass; ++r) {
        const float before = state.largest[query + r];
        const float after = before < largest[r] ? largest[r] : before;
        const float shift = after == -kInfinity ? 0 : after;  // no key so far has a weight
        keep[r] = before == after ? 1 : std::exp2(before - shift);
        const float sum = Kernel::exponentiate(state.logits[r], padded, biased ? 1 : scale, shift);
        state.largest[query + r] = after;
        state.mass[query + r] = state.mass[query + r] * keep[r] + sum;
      }
      Kernel::multiply_values(
          head.head_dim, keys, keep, block.values, state, state.out + query * width);
    }
  }

  for (int64_t query = 0; query < count; ++query) {
    const float mass = state.mass[query];
    const bool weightless = state.largest[query] == -kInfinity && !std::isnan(mass);
    Kernel::store(state.out + query * width,
                  weightless ? 0 : 1 / mass,
                  head.head_dim,
                  head.out + (first + query) * head.out_stride);
  }
}

template <class Kernel>
AttentionKernel<typename Kernel::Value> kernel_of() {
  return {Kernel::kKeys,
          sizeof(ChunkState<Kernel>) / sizeof(uint32_t),
          &PackedBlock<Kernel>::words,
          &pack_block<Kernel>,
          &attend<Kernel>};
}

}  // namespace vggt::kernels
