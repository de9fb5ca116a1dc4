// SPDX-License-Identifier: Apache-2.0
#include "src/eval/draw.h"

#include <gmock/gmock.h>

#include <set>

namespace vggt::eval {
namespace {

using ::testing::ElementsAre;

// Drawn by NumPy 1.24: one stream of seed 0, five draws in a row.
TEST(NumpyDraw, DrawsAsNumpyDoes) {
  NumpyDraw draw(0);
  EXPECT_THAT(draw.choose(102, 10), ElementsAre(26, 92, 2, 55, 91, 84, 16, 66, 54, 68));
  EXPECT_THAT(draw.choose(202, 10), ElementsAre(182, 66, 105, 137, 158, 22, 78, 92, 187, 119));
  EXPECT_THAT(draw.choose(50, 10), ElementsAre(2, 1, 21, 15, 44, 12, 48, 35, 31, 5));
  EXPECT_THAT(draw.choose(99, 10), ElementsAre(86, 32, 78, 5, 42, 80, 14, 12, 31, 75));
  EXPECT_THAT(draw.choose(71, 10), ElementsAre(15, 63, 44, 16, 25, 53, 52, 66, 18, 68));
}

TEST(NumpyDraw, TakesAllOfFewer) {
  const auto drawn = NumpyDraw(3).choose(4, 10);
  EXPECT_EQ(std::set<int64_t>(drawn.begin(), drawn.end()), (std::set<int64_t>{0, 1, 2, 3}));
  EXPECT_TRUE(NumpyDraw(3).choose(0, 10).empty());
}

// Drawn by CPython: one stream of seed 0, five samples in a row, on both sides of its rule.
TEST(PythonDraw, DrawsAsPythonDoes) {
  PythonDraw draw(0);
  EXPECT_THAT(draw.sample(10, 10), ElementsAre(6, 9, 0, 2, 4, 3, 5, 1, 8, 7));
  EXPECT_THAT(draw.sample(17, 10), ElementsAre(6, 4, 15, 2, 12, 1, 9, 14, 8, 13));
  EXPECT_THAT(draw.sample(60, 10), ElementsAre(19, 6, 46, 4, 54, 43, 21, 30, 35, 58));
  EXPECT_THAT(draw.sample(85, 10), ElementsAre(45, 55, 40, 78, 26, 70, 61, 56, 66, 33));
  EXPECT_THAT(draw.sample(86, 10), ElementsAre(7, 70, 1, 11, 51, 85, 80, 0, 78, 63));
}

TEST(RandomBits, DifferWithEachOfTheThree) {
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    for (uint64_t stream = 0; stream < 8; ++stream) {
      for (uint64_t counter = 0; counter < 8; ++counter) {
        seen.insert(random_bits(seed, stream, counter));
      }
    }
  }
  EXPECT_EQ(seen.size(), 512);
}

}  // namespace
}  // namespace vggt::eval
