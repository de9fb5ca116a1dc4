// SPDX-License-Identifier: Apache-2.0
#include "src/eval/draw.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>

#include "src/base/mixed.h"

namespace vggt::eval {
namespace {

// Python fills the generator's state from an array of words, here of one, where std::mt19937 takes
// a single word; as a seed sequence of the standard library it hands over that state.
class ArraySeed {
 public:
  using result_type = uint32_t;

  explicit ArraySeed(uint32_t seed) : seed_(seed) {}

  template <class Iterator>
  void generate(Iterator begin, Iterator end) const {
    constexpr uint32_t kFirstSeed = 19650218;
    const auto n = static_cast<uint32_t>(end - begin);
    begin[0] = kFirstSeed;
    for (uint32_t i = 1; i < n; ++i) {
      begin[i] = 1812433253u * (begin[i - 1] ^ (begin[i - 1] >> 30)) + i;
    }
    uint32_t i = 1;
    const auto next = [&] {
      if (++i < n) return;
      begin[0] = begin[n - 1];
      i = 1;
    };
    for (uint32_t k = 0; k < n; ++k, next()) {
      begin[i] = (begin[i] ^ ((begin[i - 1] ^ (begin[i - 1] >> 30)) * 1664525u)) + seed_;
    }
    for (uint32_t k = 0; k + 1 < n; ++k, next()) {
      begin[i] = (begin[i] ^ ((begin[i - 1] ^ (begin[i - 1] >> 30)) * 1566083941u)) - i;
    }
    begin[0] = 0x80000000u;
  }

  size_t size() const { return 1; }
  template <class Iterator>
  void param(Iterator destination) const {
    *destination = seed_;
  }

 private:
  uint32_t seed_;
};

}  // namespace

uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t counter) {
  return mixed(scrambled(mixed(seed) ^ stream) + counter * kMixStep);
}

std::vector<int64_t> NumpyDraw::choose(int64_t n, int64_t most) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = n - 1; i >= 1; --i) {
    const uint32_t mask = std::bit_ceil(static_cast<uint32_t>(i) + 1) - 1;
    uint32_t j = 0;
    do {
      j = static_cast<uint32_t>(engine_()) & mask;
    } while (j > static_cast<uint32_t>(i));
    std::swap(order[static_cast<size_t>(i)], order[j]);
  }
  order.resize(static_cast<size_t>(std::min(n, most)));
  return order;
}

PythonDraw::PythonDraw(uint32_t seed) {
  ArraySeed words(seed);
  engine_.seed(words);
}

int64_t PythonDraw::below(int64_t n) {
  const int bits = std::bit_width(static_cast<uint32_t>(n));
  uint32_t r = 0;
  do {
    r = static_cast<uint32_t>(engine_()) >> (32 - bits);
  } while (r >= static_cast<uint32_t>(n));
  return r;
}

std::vector<int64_t> PythonDraw::sample(int64_t n, int64_t most) {
  TORCH_CHECK(most <= n, "PythonDraw: ", most, " of ", n, " cannot be drawn");
  // Python's rule for which of its two ways to take, whose results differ.
  int64_t pool_limit = 21;
  if (most > 5) {
    pool_limit += static_cast<int64_t>(std::llround(
        std::pow(4, std::ceil(std::log(3.0 * static_cast<double>(most)) / std::log(4.0)))));
  }
  std::vector<int64_t> result;
  if (n <= pool_limit) {
    std::vector<int64_t> pool(static_cast<size_t>(n));
    std::iota(pool.begin(), pool.end(), 0);
    for (int64_t i = 0; i < most; ++i) {
      const auto j = static_cast<size_t>(below(n - i));
      result.push_back(pool[j]);
      pool[j] = pool[static_cast<size_t>(n - i - 1)];
    }
    return result;
  }
  std::set<int64_t> chosen;
  while (static_cast<int64_t>(result.size()) < most) {
    const int64_t j = below(n);
    if (chosen.insert(j).second) result.push_back(j);
  }
  return result;
}

}  // namespace vggt::eval
