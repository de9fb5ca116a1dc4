// SPDX-License-Identifier: Apache-2.0
#include "src/base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "src/base/error.h"

namespace vggt {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

TEST(StageProgress, CountsTheUnitsOfAStage) {
  std::vector<Progress> reports;
  const ProgressCallback callback = [&](const Progress& progress) {
    reports.push_back(progress);
    return true;
  };
  StageProgress stage("depth head", 5, callback);
  stage.advance();
  stage.advance(3);
  stage.advance();
  std::vector<int64_t> done;
  for (const Progress& report : reports) {
    EXPECT_EQ(report.stage, "depth head");
    EXPECT_EQ(report.total, 5);
    done.push_back(report.done);
  }
  EXPECT_THAT(done, ::testing::ElementsAre(0, 1, 4, 5));
}

TEST(StageProgress, EstimatesTheTimeLeftFromThePaceSoFar) {
  constexpr double kUnit = 0.02;
  std::vector<double> left;
  const ProgressCallback callback = [&](const Progress& progress) {
    left.push_back(progress.seconds_left);
    return true;
  };
  const Clock::time_point start = Clock::now();
  StageProgress stage("weights", 4, callback);
  sleep_seconds(kUnit);
  stage.advance();
  const double elapsed = seconds_since(start);
  stage.advance(3);
  ASSERT_EQ(left.size(), 3u);
  EXPECT_LT(left[0], 0) << "unknown before the first unit";
  EXPECT_GE(left[1], 3 * kUnit);
  EXPECT_LE(left[1], 3 * elapsed);
  EXPECT_EQ(left[2], 0);
}

TEST(StageProgress, TellsTheRateOnceItIsKnown) {
  std::vector<Progress> reports;
  const ProgressCallback callback = [&](const Progress& progress) {
    reports.push_back(progress);
    return true;
  };
  StageProgress stage("encoder", 4, callback);
  sleep_seconds(0.02);
  stage.advance(2);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].rate, 0);
  EXPECT_GE(reports[1].seconds, 0.02);
  EXPECT_DOUBLE_EQ(reports[1].rate, 2 / reports[1].seconds);
}

TEST(StageProgress, CancelsWithinAUnit) {
  bool go_on = true;
  std::vector<int64_t> done;
  const ProgressCallback callback = [&](const Progress& progress) {
    done.push_back(progress.done);
    return go_on;
  };
  StageProgress stage("encoder", 3, callback);
  stage.advance();
  EXPECT_NO_THROW(stage.poll());
  go_on = false;
  EXPECT_THROW(stage.poll(), Cancelled);
  EXPECT_THAT(done, ::testing::ElementsAre(0, 1, 1, 1));
}

TEST(StageProgress, AddsUpTheSecondsOfStagesWithTheSameName) {
  StageProgress::Seconds seconds;
  const ProgressCallback none;
  const Clock::time_point start = Clock::now();
  for (const char* name : {"encoder", "aggregator", "encoder"}) {
    StageProgress stage(name, 1, none, &seconds);
    sleep_seconds(0.01);
    stage.advance();
  }
  const double elapsed = seconds_since(start);
  ASSERT_EQ(seconds.size(), 2u);
  EXPECT_EQ(seconds[0].first, "encoder");
  EXPECT_EQ(seconds[1].first, "aggregator");
  EXPECT_GE(seconds[0].second, 0.02);
  EXPECT_GE(seconds[1].second, 0.01);
  EXPECT_LE(seconds[0].second + seconds[1].second, elapsed);
}

TEST(StageProgress, WorksWithoutCallbackAndSeconds) {
  const ProgressCallback none;
  StageProgress stage("points", 2, none);
  EXPECT_NO_THROW(stage.advance(2));
}

TEST(StageProgress, KeepsACallbackThatWasOnlyGivenForIt) {
  const auto calls = std::make_shared<int>(0);
  {
    StageProgress stage("encoder", 1, [calls](const Progress&) { return ++*calls > 0; });
    EXPECT_EQ(calls.use_count(), 2) << "the callback is gone before the stage";
    stage.advance();
  }
  EXPECT_EQ(*calls, 2);
}

TEST(StageProgress, CancelsAtTheStart) {
  const ProgressCallback cancel = [](const Progress&) { return false; };
  EXPECT_THROW(StageProgress("encoder", 3, cancel), Cancelled);
}

TEST(StageProgress, CancelsAfterAUnitAndKeepsTheSecondsUntilThen) {
  StageProgress::Seconds seconds;
  const ProgressCallback cancel = [](const Progress& progress) { return progress.done < 2; };
  try {
    StageProgress stage("encoder", 3, cancel, &seconds);
    stage.advance();
    EXPECT_THROW(stage.advance(), Cancelled);
    sleep_seconds(0.01);
  } catch (const Cancelled&) {
    ADD_FAILURE() << "cancelled too early";
  }
  ASSERT_EQ(seconds.size(), 1u);
  EXPECT_GE(seconds[0].second, 0.01);
}

}  // namespace
}  // namespace vggt
