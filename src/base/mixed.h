// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt {

/// Mixes the bits of a counter (SplitMix64; Steele et al., "Fast splittable pseudorandom number
/// generators", OOPSLA 2014): draws that are the same on every machine. No cipher.
inline uint64_t mixed(uint64_t value) {
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

}  // namespace vggt
