// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every machine: those of the published protocols, and ours.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace vggt::eval {

/// 64 random bits of a counter (splitmix64 of seed, stream and counter): no state, so that any
/// order of work gives the same.
uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t counter);

/// NumPy's legacy generator, numpy.random.seed(seed): the stream from which the published CO3D
/// protocol draws its frames.
class NumpyDraw {
 public:
  explicit NumpyDraw(uint32_t seed) : engine_(seed) {}

  /// numpy.random.choice(n, most, replace=False): the first `most` of a permutation of 0 .. n-1;
  /// all if there are no more.
  std::vector<int64_t> choose(int64_t n, int64_t most);

 private:
  std::mt19937 engine_;
};

/// Python's generator, random.seed(seed): the stream from which the protocol's fast variant draws
/// its sequences.
class PythonDraw {
 public:
  explicit PythonDraw(uint32_t seed);

  /// random.sample(range(n), most); throws c10::Error if most > n.
  std::vector<int64_t> sample(int64_t n, int64_t most);

 private:
  int64_t below(int64_t n);

  std::mt19937 engine_;
};

}  // namespace vggt::eval
