// SPDX-License-Identifier: Apache-2.0
// What the kernels' benchmarks share. A speed is a ratio to the LibTorch calls that the kernel
// replaces, both timed in turns in one run.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
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

/// `unit`: of what limits the kernel, in 10^9: operations or bytes.
inline void print_header(const std::string& unit = "GFLOP") {
  std::printf("%d threads\n%-24s %9s %14s %14s %7s %10s %10s\n",
              at::get_num_threads(),
              "case",
              unit.c_str(),
              ("ours " + unit + "/s").c_str(),
              ("plain " + unit + "/s").c_str(),
              "ratio",
              "our error",
              "plain's");
}

/// `amount`: of that unit, undivided.
inline void print_row(
    const char* name, double amount, const Pair& pair, double our_error, double plain_error) {
  std::printf("%-24s %9.1f %14.1f %14.1f %7.2f %10.1e %10.1e\n",
              name,
              amount * 1e-9,
              amount * 1e-9 / pair.ours,
              amount * 1e-9 / pair.plain,
              pair.plain / pair.ours,
              our_error,
              plain_error);
  std::fflush(stdout);
}

}  // namespace vggt::kernels
