// SPDX-License-Identifier: Apache-2.0
#include "src/base/peaks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "src/base/device.h"
#include "src/base/peak_loops.h"

namespace vggt {
namespace {

TEST(PeakLoops, RunEveryInstructionThatTheyOffer) {
  const PeakLoop half = half_loop();
  EXPECT_EQ(half.run != nullptr, has_fast_bfloat16(c10::kCPU));
  if (half.run) {
    half.run(3);
    EXPECT_GT(half.flop_per_round, 0);
    EXPECT_NE(half.by, nullptr);
  }
  const PeakLoop single = single_loop();
  ASSERT_NE(single.run, nullptr);
  single.run(3);
  EXPECT_GT(single.flop_per_round, 0);
}

TEST(PeakLoops, ReadEveryWord) {
  std::vector<uint64_t> words(1001);
  std::iota(words.begin(), words.end(), 1);
  EXPECT_EQ(sum_words(words.data(), words.size()), 1001u * 1002u / 2);
  EXPECT_EQ(sum_words(words.data(), 0), 0u);
}

TEST(Peaks, AreNumbersWithTheirOrigin) {
  const MachinePeaks peaks = measure_peaks(c10::kCPU);
  EXPECT_EQ(peaks.half.per_second > 0, has_fast_bfloat16(c10::kCPU));
  for (const Peak& peak : {peaks.single, peaks.memory}) {
    EXPECT_TRUE(std::isfinite(peak.per_second));
    // A machine from forty years ago would be faster.
    EXPECT_GT(peak.per_second, 1e6);
    EXPECT_FALSE(peak.by.empty());
  }
  EXPECT_FALSE(peaks.half.by.empty());
}

TEST(Peaks, OfTwoMeasurementsAreTheLargerOfEach) {
  const MachinePeaks both = larger({{1, "a"}, {5, "b"}, {3, "c"}}, {{2, "d"}, {4, "e"}, {3, "f"}});
  EXPECT_EQ(both.half.per_second, 2);
  EXPECT_EQ(both.half.by, "d");
  EXPECT_EQ(both.single.per_second, 5);
  EXPECT_EQ(both.single.by, "b");
  EXPECT_EQ(both.memory.by, "c");
}

}  // namespace
}  // namespace vggt
