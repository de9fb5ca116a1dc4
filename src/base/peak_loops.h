// SPDX-License-Identifier: Apache-2.0
// No LibTorch header: these functions are compiled for instructions that a machine may lack.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vggt {

/// The busiest loop that this CPU has of a kind.
struct PeakLoop {
  const char* by = nullptr;               ///< the instruction
  void (*run)(int64_t rounds) = nullptr;  ///< on the calling thread; null: the CPU has none
  double flop_per_round = 0;
};

PeakLoop half_loop();    ///< dot products of bfloat16
PeakLoop single_loop();  ///< fused multiply-add of float32

/// The sum of `count` words: memory is read and nothing else.
uint64_t sum_words(const uint64_t* words, size_t count);

}  // namespace vggt
