// SPDX-License-Identifier: Apache-2.0
#include "src/base/parallel.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "src/base/error.h"

namespace vggt {
namespace {

TEST(OnAllCores, DoesEachPieceOnce) {
  for (const size_t count : {0, 1, 2, 1000}) {
    std::vector<std::atomic<int>> done(count);
    on_all_cores(count, [&](size_t i) { ++done[i]; });
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(done[i], 1) << i << " of " << count;
  }
}

TEST(OnAllCores, WorksAtOnceOnAsManyThreadsAsLibTorch) {
  if (at::get_num_threads() < 2) GTEST_SKIP() << "one core";
  // Two pieces that wait for each other end only if they run at the same time.
  std::atomic<int> waiting = 0;
  std::atomic<bool> met = true;
  on_all_cores(2, [&](size_t) {
    ++waiting;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (waiting < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    if (waiting < 2) met = false;
  });
  EXPECT_TRUE(met);
}

TEST(OnAllCores, TheFirstFailureEndsTheRest) {
  std::atomic<int> done = 0;
  const auto work = [&](size_t i) {
    if (i == 3) throw std::runtime_error("piece 3");
    ++done;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  EXPECT_THROW(on_all_cores(10000, work), std::runtime_error);
  EXPECT_LT(done, 9000);
}

TEST(OnAllCores, CountsPiecesAndCanBeCancelled) {
  int64_t last = 0;
  const ProgressCallback until_five = [&](const Progress& progress) {
    last = progress.done;
    return progress.done < 5;
  };
  StageProgress stage("pieces", 100, until_five);
  EXPECT_THROW(on_all_cores(100, stage, [](size_t) {}), Cancelled);
  EXPECT_GE(last, 5);
  EXPECT_LT(last, 50);
}

}  // namespace
}  // namespace vggt
