// SPDX-License-Identifier: Apache-2.0
#include "apps/bench_result.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace vggt::apps {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// 100 operations a second on half, 10 on float, 50 bytes.
const MachinePeaks kPeaks = {{100, "dots"}, {10, "adds"}, {50, "copies"}};

BenchResult result(const std::string& name, const std::string& path, double seconds) {
  return bench_result(name, 8, path, {seconds});
}

TEST(BenchResult, TakesMedianLeastAndNinetiethPercentile) {
  const BenchResult r = bench_result("encoder", 2, "fast", {5, 1, 4, 2, 3, 11, 10, 9, 8, 7, 6});
  EXPECT_EQ(r.runs, 11);
  EXPECT_EQ(r.median_s, 6);
  EXPECT_EQ(r.min_s, 1);
  EXPECT_EQ(r.p90_s, 10);
}

TEST(BenchResult, SpeedsUpAgainstThePlainPathOfTheSameRun) {
  std::vector<BenchResult> results = {
      result("encoder", "fast", 2), result("encoder", "plain", 5), result("aggregator", "fast", 3)};
  results.push_back(bench_result("aggregator", 4, "plain", {9}));  // other frames
  compare_paths(results);
  EXPECT_EQ(results[0].speedup, 2.5);
  EXPECT_EQ(results[1].speedup, 1);
  EXPECT_FALSE(results[2].speedup);
  EXPECT_TRUE(to_json(results[2], kPeaks).at("speedup").is_null());
}

TEST(Roofline, IsTheLongerOfArithmeticAndMemory) {
  const Cost cost = {.half_flop = 200, .float_flop = 30, .bytes = 100};
  const Roofline by_compute = roofline(cost, kPeaks);
  EXPECT_DOUBLE_EQ(by_compute.compute_s, 200 / 100 + 30 / 10);
  EXPECT_DOUBLE_EQ(by_compute.memory_s, 2);
  EXPECT_TRUE(by_compute.is_compute());
  EXPECT_DOUBLE_EQ(by_compute.seconds(), 5);
  const Roofline by_memory = roofline({.half_flop = 200, .bytes = 500}, kPeaks);
  EXPECT_FALSE(by_memory.is_compute());
  EXPECT_DOUBLE_EQ(by_memory.seconds(), 10);
  MachinePeaks without_half = kPeaks;
  without_half.half.per_second = 0;
  EXPECT_DOUBLE_EQ(roofline(cost, without_half).compute_s, 23);
}

TEST(Roofline, TellsTheShareThatWasReached) {
  BenchResult r = result("encoder", "fast", 8);
  r.cost = {.half_flop = 200, .float_flop = 0, .bytes = 50};
  const auto json = to_json(r, kPeaks);
  EXPECT_EQ(json.at("limit"), "compute");
  EXPECT_DOUBLE_EQ(json.at("share_of_limit").get<double>(), 0.25);
  EXPECT_DOUBLE_EQ(json.at("flop_per_s").get<double>(), 25);
  EXPECT_THAT(table_of_limits({r}, kPeaks), HasSubstr("compute |  25.0 % |"));
  EXPECT_THAT(table_of_limits({r}, kPeaks), Not(HasSubstr("Winograd")));
  r.median_s /= 8;
  EXPECT_THAT(table_of_limits({r}, kPeaks), HasSubstr("Winograd"));
}

TEST(BenchTables, AreMarkdown) {
  EXPECT_EQ(markdown({"name", "s"}, {{"a", "1.00"}, {"longer", "20.0"}}),
            "| name   |    s |\n"
            "|--------|-----:|\n"
            "| a      | 1.00 |\n"
            "| longer | 20.0 |\n");
}

TEST(BenchTables, ShowThreeDigits) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(1234.5), "1234");
  EXPECT_EQ(short_number(12.345), "12.3");
  EXPECT_EQ(short_number(-0.00012345), "-0.000123");
}

TEST(Comparison, ShowsRatiosAndNamesWhatEitherSideLacks) {
  const std::vector<BenchResult> base = {
      result("encoder", "fast", 6), result("depth_head", "fast", 1), result("encoder", "plain", 7)};
  const std::vector<BenchResult> now = {result("encoder", "fast", 4),
                                        result("linear/qkv", "fast", 1)};
  const std::string text = comparison(base, now);
  EXPECT_THAT(text, HasSubstr("| encoder |      8 | fast |   6.00 |  4.00 |       1.50 |"));
  EXPECT_THAT(text,
              HasSubstr("Not in this run: depth_head, 8 frames, fast; encoder, 8 frames, plain\n"));
  EXPECT_THAT(text, HasSubstr("Not in the base: linear/qkv, 8 frames, fast\n"));
  EXPECT_THAT(comparison(base, base), Not(HasSubstr("Not in")));
}

class BenchFile : public ::testing::Test {
 protected:
  BenchFile() {
    json_ = {
        {"machine", {{"device", "CPU"}}},
        {"commit", "abc"},
        {"results",
         nlohmann::json::array({nlohmann::json(to_json(result("encoder", "fast", 6), kPeaks))})}};
  }
  BenchReport read() { return read_bench_report(folder_.write("base.json", json_.dump())); }
  std::string fault() {
    return message_of<IoError>([&] { read(); });
  }

  TemporaryFolder folder_;
  nlohmann::json json_;
};

TEST_F(BenchFile, IsReadBack) {
  const BenchReport report = read();
  EXPECT_EQ(report.device, "CPU");
  EXPECT_EQ(report.commit, "abc");
  ASSERT_EQ(report.results.size(), 1u);
  EXPECT_EQ(report.results[0].name, "encoder");
  EXPECT_EQ(report.results[0].frames, 8);
  EXPECT_EQ(report.results[0].path, "fast");
  EXPECT_EQ(report.results[0].median_s, 6);
}

TEST_F(BenchFile, IsRefusedWithItsNameAndTheField) {
  for (const char* field : {"name", "frames", "path", "median_s"}) {
    const nlohmann::json kept = json_;
    json_["results"][0].erase(field);
    EXPECT_THAT(fault(),
                AllOf(HasSubstr("base.json"), HasSubstr("result 0: " + std::string(field))))
        << field;
    json_ = kept;
  }
  json_["results"][0]["median_s"] = 0;
  EXPECT_THAT(fault(), HasSubstr("result 0: median_s is not above zero"));
  for (const char* field : {"results", "commit", "machine"}) {
    json_.erase(field);
    EXPECT_THAT(fault(), HasSubstr(std::string(field) + " is missing"));
  }
}

}  // namespace
}  // namespace vggt::apps
