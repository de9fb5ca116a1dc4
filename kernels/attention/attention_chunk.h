// SPDX-License-Identifier: Apache-2.0
// The way of a chunk of queries through the keys, the same for all instruction sets (Dao et al.,
// "FlashAttention", 2022). A block of keys is packed into the second-level cache, then all queries
// of the chunk pass it, `Kernel::kPass` at a time: their logits with the whole block, softmax in
// the first-level cache, the product with the values. What a query has gathered is scaled whenever
// a block brings a larger logit.
// Include it only from files compiled for the instructions; a Kernel lives in an unnamed namespace,
// so that no copy compiled for them reaches other machines.
#pragma once

#include <cmath>

#include "kernels/attention/attention_head.h"

namespace vggt::kernels {

template <class Kernel>
struct ChunkState {
  alignas(64) float bias[Kernel::kKeys];  ///< in powers of 2
  float logits[Kernel::kPass][Kernel::kKeys];
  typename Kernel::Word keys[Kernel::kKeyWords];
  typename Kernel::Word values[Kernel::kKeyWords];
  float largest[kAttentionChunk + Kernel::kPass];  ///< of the logits so far, in powers of 2
  float mass[kAttentionChunk + Kernel::kPass];     ///< sum of the weights so far
  alignas(64) float out[(kAttentionChunk + Kernel::kPass) * kAttentionHeadDim];
};

template <class Kernel>
void attend(const AttentionHead<typename Kernel::Value>& head,
            int64_t first,
            int64_t count,
            ChunkState<Kernel>& state) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kInfinity = INFINITY;
  constexpr int64_t kKeys = Kernel::kKeys;
  constexpr int64_t kPass = Kernel::kPass;
  const float scale = kLog2E / std::sqrt(static_cast<float>(head.head_dim));
  const int64_t width = Kernel::out_width(head.head_dim);
  const int64_t rows = (count + kPass - 1) / kPass * kPass;
  for (int64_t i = 0; i < rows; ++i) {
    state.largest[i] = -kInfinity;
    state.mass[i] = 0;
  }
  for (int64_t i = 0; i < rows * width; ++i) state.out[i] = 0;

  for (int64_t key = 0; key < head.keys; key += kKeys) {
    const int64_t keys = head.keys - key < kKeys ? head.keys - key : kKeys;
    const int64_t padded = (keys + Kernel::kStep - 1) / Kernel::kStep * Kernel::kStep;
    Kernel::pack_keys(head, key, keys, state);
    Kernel::pack_values(head, key, keys, state);
    const bool biased = head.bias || padded != keys;
    for (int64_t i = 0; biased && i < padded; ++i) {
      state.bias[i] = i >= keys ? -kInfinity : head.bias ? head.bias[key + i] * kLog2E : 0;
    }
    int64_t ahead = key + kKeys;  // keys on their way to the cache, before they are packed
    const int64_t end = ahead + kKeys < head.keys ? ahead + kKeys : head.keys;
    for (int64_t query = 0; query < count; query += kPass) {
      for (int64_t i = 0; i < 4 && ahead < end; ++i, ++ahead) {
        for (int64_t d = 0; d < head.head_dim; d += Kernel::kCacheLine) {
          __builtin_prefetch(head.k + ahead * head.k_stride + d);
          __builtin_prefetch(head.v + ahead * head.v_stride + d);
        }
      }
      const typename Kernel::Value* queries[kPass];
      for (int64_t r = 0; r < kPass; ++r) {
        const int64_t inside = query + r < count ? query + r : count - 1;
        queries[r] = head.q + (first + inside) * head.q_stride;
      }
      float largest[kPass];
      if (biased) {
        Kernel::template logits<true>(queries, head.head_dim, scale, padded, state, largest);
      } else {
        Kernel::template logits<false>(queries, head.head_dim, scale, padded, state, largest);
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
      Kernel::multiply_values(head.head_dim, keys, keep, state.out + query * width, state);
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

}  // namespace vggt::kernels
