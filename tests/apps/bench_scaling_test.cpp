// SPDX-License-Identifier: Apache-2.0
#include "apps/bench_scaling.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace vggt::apps {
namespace {

using ::testing::HasSubstr;
using Points = std::vector<std::array<double, 2>>;

TEST(Scaling, FindsTheCurveThatPointsLieOn) {
  const Curve truth = {0.3, 0.02, 0.0004};
  Points points;
  for (const double n : {1, 2, 4, 8, 16, 32}) points.push_back({n, truth.at(n)});
  const Curve fitted = fit_curve(points);
  // A few roundings, through sums of powers of a sixteenth to one.
  EXPECT_NEAR(fitted.constant, truth.constant, 1e-10);
  EXPECT_NEAR(fitted.linear, truth.linear, 1e-10);
  EXPECT_NEAR(fitted.quadratic, truth.quadratic, 1e-10);
}

TEST(Scaling, HasTheLeastSumOfSquaredRelativeErrors) {
  const Points points = {{1, 2.0}, {2, 2.5}, {4, 4.6}, {8, 7.1}, {16, 19.0}};
  const auto errors = [&](const Curve& curve) {
    double sum = 0;
    for (const auto& [n, y] : points) sum += std::pow(curve.at(n) / y - 1, 2);
    return sum;
  };
  const Curve best = fit_curve(points);
  for (const double step : {-1e-3, 1e-3}) {
    EXPECT_GT(errors({best.constant + step, best.linear, best.quadratic}), errors(best));
    EXPECT_GT(errors({best.constant, best.linear + step, best.quadratic}), errors(best));
    EXPECT_GT(errors({best.constant, best.linear, best.quadratic + step}), errors(best));
  }
}

TEST(Scaling, IsOfEveryStageAndPathWithThreeNumbersOfFrames) {
  std::vector<BenchResult> results;
  for (const int64_t frames : {1, 2, 4}) {
    for (const char* path : {"fast", "plain"}) {
      results.push_back(bench_result("encoder", frames, path, {2.0 * static_cast<double>(frames)}));
      results.back().peak_bytes = 1'000'000 * (3 + frames * frames);
    }
    // A name with its sizes is measured once.
    results.push_back(bench_result("attention/1x" + std::to_string(frames), frames, "fast", {1}));
  }
  const std::vector<Scaling> scalings = scaling_of(results);
  ASSERT_EQ(scalings.size(), 2u);
  EXPECT_EQ(scalings[0].path, "fast");
  EXPECT_EQ(scalings[1].path, "plain");
  EXPECT_NEAR(scalings[0].fitted_seconds.linear, 2, 1e-10);
  EXPECT_NEAR(scalings[0].fitted_bytes.constant, 3e6, 1e-3);
  EXPECT_NEAR(scalings[0].fitted_bytes.quadratic, 1e6, 1e-3);
  const auto json = to_json(scalings[0]);
  EXPECT_EQ(json.at("name"), "encoder");
  EXPECT_NEAR(json.at("seconds").at("linear").get<double>(), 2, 1e-10);
  EXPECT_LT(json.at("bytes").at("farthest").get<double>(), 1e-9);
  EXPECT_THAT(table_of_scaling(scalings), HasSubstr("| encoder |  fast |"));
}

}  // namespace
}  // namespace vggt::apps
