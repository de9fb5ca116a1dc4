// SPDX-License-Identifier: Apache-2.0
// What the kernels' benchmarks share. A speed is a ratio to the LibTorch calls that the kernel
// replaces, both timed in turns in one run.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

namespace vggt::kernels {

inline double seconds_of(const auto& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Pair {
  double ours;   ///< median seconds
  double plain;  ///< of the LibTorch calls
};

/// Both once for warming up, then in turns.
inline Pair time_pair(const auto& ours, const auto& plain, int rounds = 7) {
  ours();
  plain();
  std::vector<double> of_ours;
  std::vector<double> of_plain;
  for (int i = 0; i < rounds; ++i) {
    of_ours.push_back(seconds_of(ours));
    of_plain.push_back(seconds_of(plain));
  }
  const auto median = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  return {median(of_ours), median(of_plain)};
}

inline double relative_error(const at::Tensor& got, const at::Tensor& truth) {
  return ((got.to(at::kDouble) - truth).norm() / truth.norm()).item<double>();
}

inline void print_header() {
  std::printf("%d threads\n%-24s %9s %14s %14s %7s %10s %10s\n",
              at::get_num_threads(),
              "case",
              "GFLOP",
              "ours GFLOP/s",
              "plain GFLOP/s",
              "ratio",
              "our error",
              "plain's");
}

inline void print_row(
    const char* name, double flop, const Pair& pair, double our_error, double plain_error) {
  std::printf("%-24s %9.1f %14.1f %14.1f %7.2f %10.1e %10.1e\n",
              name,
              flop * 1e-9,
              flop * 1e-9 / pair.ours,
              flop * 1e-9 / pair.plain,
              pair.plain / pair.ours,
              our_error,
              plain_error);
  std::fflush(stdout);
}

}  // namespace vggt::kernels
