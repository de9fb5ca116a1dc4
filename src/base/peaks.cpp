// SPDX-License-Identifier: Apache-2.0
#include "src/base/peaks.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>

#include "src/base/device.h"
#include "src/base/peak_loops.h"
#ifdef VGGT_WITH_CUDA
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#endif

namespace vggt {
namespace {

constexpr int kTries = 20;

// The best of some tries: what disturbs only makes slower.
template <class Call>
double least_seconds(const Call& call, int tries = kTries) {
  using Clock = std::chrono::steady_clock;
  double least = 1e30;
  for (int i = 0; i < tries; ++i) {
    const auto start = Clock::now();
    call();
    least = std::min(least, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return least;
}

// `work(thread)` on each of LibTorch's threads.
template <class Work>
void on_each_thread(const Work& work) {
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) work(i);
  });
}

Peak peak_of(const PeakLoop& loop) {
  if (!loop.run) return {0, "no such instruction"};
  // Starting the threads is little beside this, and it fits between the turns that a busy system
  // gives to others.
  constexpr double kLongEnough = 2e-3;
  constexpr int kShortTries = 100;
  int64_t rounds = 1 << 12;
  const auto run = [&] { on_each_thread([&](int64_t) { loop.run(rounds); }); };
  while (least_seconds(run, 1) < kLongEnough) rounds *= 2;
  const double flop = static_cast<double>(rounds * at::get_num_threads()) * loop.flop_per_round;
  return {flop / least_seconds(run, kShortTries), loop.by};
}

Peak memory_of_cpu() {
  constexpr size_t kWords = size_t{256} << 17;  // 256 MiB
  constexpr double kBytes = kWords * sizeof(uint64_t);
  const std::unique_ptr<uint64_t[]> from(new uint64_t[kWords]);
  const std::unique_ptr<uint64_t[]> to(new uint64_t[kWords]);
  const auto threads = static_cast<size_t>(at::get_num_threads());
  const auto on_parts = [&](const auto& work) {
    on_each_thread([&](int64_t i) {
      const size_t begin = kWords * static_cast<size_t>(i) / threads;
      work(begin, kWords * static_cast<size_t>(i + 1) / threads - begin);
    });
  };
  on_parts([&](size_t begin, size_t count) {  // takes the pages from the system
    std::fill_n(&from[begin], count, 1);
    std::fill_n(&to[begin], count, 1);
  });
  std::atomic<uint64_t> sum = 0;
  const double reading = least_seconds([&] {
    on_parts([&](size_t begin, size_t count) { sum += sum_words(&from[begin], count); });
  });
  const double copying = least_seconds([&] {
    on_parts([&](size_t begin, size_t count) { std::memcpy(&to[begin], &from[begin], count * 8); });
  });
  const Peak read = {kBytes / reading, "reading 256 MiB"};
  const Peak copied = {2 * kBytes / copying, "copying 256 MiB"};
  return read.per_second > copied.per_second ? read : copied;
}

#ifdef VGGT_WITH_CUDA
Peak product_on_gpu(c10::Device device, at::ScalarType dtype, int64_t size) {
  const at::Tensor a = at::ones({size, size}, at::TensorOptions().dtype(dtype).device(device));
  const auto run = [&] {
    at::matmul(a, a);
    synchronize(device);
  };
  run();
  const auto n = static_cast<double>(size);
  return {2 * n * n * n / least_seconds(run),
          "LibTorch's matrix product of " + std::to_string(size)};
}

MachinePeaks peaks_of_gpu(c10::Device device) {
  const at::Tensor from =
      at::zeros({int64_t{1} << 30}, at::TensorOptions().dtype(at::kByte).device(device));
  const at::Tensor to = at::empty_like(from);
  const auto copy = [&] {
    to.copy_(from);
    synchronize(device);
  };
  copy();
  const double bytes = 2 * static_cast<double>(from.numel());
  return {has_fast_bfloat16(device) ? product_on_gpu(device, at::kBFloat16, 8192)
                                    : product_on_gpu(device, at::kHalf, 8192),
          product_on_gpu(device, at::kFloat, 4096),
          {bytes / least_seconds(copy), "copying 1 GiB"}};
}
#endif

}  // namespace

MachinePeaks measure_peaks(c10::Device device) {
#ifdef VGGT_WITH_CUDA
  const c10::InferenceMode inference;
  if (device.is_cuda()) return peaks_of_gpu(device);
#endif
  return {peak_of(half_loop()), peak_of(single_loop()), memory_of_cpu()};
}

MachinePeaks larger(const MachinePeaks& a, const MachinePeaks& b) {
  const auto of = [](const Peak& x, const Peak& y) { return x.per_second < y.per_second ? y : x; };
  return {of(a.half, b.half), of(a.single, b.single), of(a.memory, b.memory)};
}

}  // namespace vggt
