// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "src/base/mixed.h"

namespace vggt::synthetic {

/// Numbers that look random, given by (seed, stream, count) alone: the same on every machine,
/// unlike those of <random>'s distributions, and streams do not disturb each other.
///
/// C++ leaves open in which order a call's arguments and an operator's operands are evaluated: draw
/// one number per expression, or in braces, which are evaluated from left to right.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0)
      : key_(scrambled(mixed(seed) ^ (stream * kMixStep + kMixStep))) {}

  /// A stream of its own for a part of the work; drawing from it leaves this one as it is.
  Random stream(uint64_t which) const { return Random(key_, which + 1); }

  uint64_t bits() { return scrambled(key_ + kMixStep * ++count_); }

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
  uint64_t key_;
  uint64_t count_ = 0;
};

}  // namespace vggt::synthetic
