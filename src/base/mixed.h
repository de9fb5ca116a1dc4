// SPDX-License-Identifier: Apache-2.0
// Numbers that look random and are the same on every machine. No cipher.
#pragma once

#include <cstdint>
#include <string_view>

namespace vggt {

/// What SplitMix64 adds to its counter for each number: 2^64 over the golden ratio.
inline constexpr uint64_t kMixStep = 0x9E3779B97F4A7C15U;

/// The finaliser of SplitMix64 (Steele et al., "Fast splittable pseudorandom number generators",
/// OOPSLA 2014): mixes the bits of a counter.
inline uint64_t scrambled(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

/// SplitMix64's number after this value of its counter.
inline uint64_t mixed(uint64_t value) { return scrambled(value + kMixStep); }

/// FNV-1a, 64 bits: a number for a name.
inline uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace vggt
