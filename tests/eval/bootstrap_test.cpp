// SPDX-License-Identifier: Apache-2.0
#include "src/eval/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

namespace vggt::eval {
namespace {

TEST(Bootstrap, OfAMeanIsAboutTwoStandardErrorsWide) {
  // 100 sequences, values 0 and 1 in equal parts: standard error 0.05.
  const std::vector<std::string> categories(100, "all");
  const Statistic mean = [](std::span<const int64_t> drawn) {
    double sum = 0;
    for (const int64_t i : drawn) sum += static_cast<double>(i % 2);
    return sum / static_cast<double>(drawn.size());
  };
  const Interval interval = bootstrap(categories, mean, {.replicates = 4000});
  // The ends scatter by about 0.05 / sqrt(4000 * 0.025) * 2 = 0.01 with the seed.
  EXPECT_NEAR(interval.low, 0.5 - 1.96 * 0.05, 0.015);
  EXPECT_NEAR(interval.high, 0.5 + 1.96 * 0.05, 0.015);
}

TEST(Bootstrap, DrawsWithinCategories) {
  const std::vector<std::string> categories = {"a", "b", "a", "b", "b"};
  std::set<int64_t> seen;
  bootstrap(categories, [&](std::span<const int64_t> drawn) {
    std::map<std::string, int> count;
    for (const int64_t i : drawn) {
      ++count[categories[static_cast<size_t>(i)]];
      seen.insert(i);
    }
    EXPECT_EQ(count["a"], 2);
    EXPECT_EQ(count["b"], 3);
    return 0.0;
  });
  EXPECT_EQ(seen.size(), 5);
}

TEST(Bootstrap, DrawsCategoriesWhereEachIsOneSequence) {
  const std::vector<std::string> categories = {"a", "b", "c"};
  bool twice = false;
  bootstrap(categories, [&](std::span<const int64_t> drawn) {
    EXPECT_EQ(drawn.size(), 3);
    twice = twice || drawn[0] == drawn[1];
    return 0.0;
  });
  EXPECT_TRUE(twice);
}

TEST(Bootstrap, IsTheSameForTheSameSeedOnly) {
  const std::vector<std::string> categories(20, "all");
  const auto run = [&](uint64_t seed) {
    std::vector<int64_t> all;
    bootstrap(categories,
              [&](std::span<const int64_t> drawn) {
                all.insert(all.end(), drawn.begin(), drawn.end());
                return 0.0;
              },
              {.replicates = 5, .seed = seed});
    return all;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(Bootstrap, OfOneSequenceTellsNothing) {
  const std::vector<std::string> one = {"a"};
  EXPECT_TRUE(std::isnan(bootstrap(one, [](auto) { return 1.0; }).low));
}

}  // namespace
}  // namespace vggt::eval
