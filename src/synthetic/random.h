// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vggt::synthetic {

/// Numbers that look random, given by (seed, stream, count) alone: the same on every machine,
/// unlike those of <random>'s distributions, and streams do not disturb each other. The mixing
/// function is the finaliser of SplitMix64 (Steele et al., "Fast splittable pseudorandom number
/// generators", OOPSLA 2014), which is no cipher.
///
/// C++ leaves open in which order a call's arguments and an operator's operands are evaluated: draw
/// one number per expression, or in braces, which are evaluated from left to right.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0)
      : key_(mix(mix(seed + kStep) ^ (stream * kStep + kStep))) {}

  /// A stream of its own for a part of the work; drawing from it leaves this one as it is.
  Random stream(uint64_t which) const { return Random(key_, which + 1); }

  uint64_t bits() { return mix(key_ + kStep * ++count_); }

  /// In [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// 0 to count - 1.
  int64_t index(int64_t count) {
    return static_cast<int64_t>(uniform() * static_cast<double>(count));
  }

  /// low to high, both included.
  int64_t integer(int64_t low, int64_t high) { return low + index(high - low + 1); }

  bool chance(double probability) { return uniform() < probability; }

  /// Nearly normal, of mean 0 and deviation 1, at most 3.5: the sum of four uniform numbers.
  double normal() {
    constexpr double kScale = 1.7320508075688772;  // a uniform number's variance is 1 / 12
    double sum = -2;
    for (int i = 0; i < 4; ++i) sum += uniform();
    return kScale * sum;
  }

 private:
  static constexpr uint64_t kStep = 0x9E3779B97F4A7C15ULL;

  static uint64_t mix(uint64_t v) {
    v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9ULL;
    v = (v ^ (v >> 27)) * 0x94D049BB133111EBULL;
    return v ^ (v >> 31);
  }

  uint64_t key_;
  uint64_t count_ = 0;
};

}  // namespace vggt::synthetic
