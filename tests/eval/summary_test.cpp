// SPDX-License-Identifier: Apache-2.0
#include "src/eval/summary.h"

#include "src/base/error.h"
#include "src/eval/scores_by_sequence.h"
#include "tests/support/message_of.h"
#include "tests/support/sequence_results.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

namespace vggt::eval {
namespace {

using ::testing::HasSubstr;
using vggt::testing::sequence_result;

Evaluation three_sequences() {
  Evaluation evaluation{.dataset = "co3d"};
  evaluation.results = {sequence_result("a1", "apple", 0.5),
                        sequence_result("a2", "apple", 100),
                        sequence_result("b1", "bench", 14.5)};
  evaluation.results[2].trust = "own SfM";
  evaluation.left_out = {{"b2", "images/7.jpg is missing"}};
  evaluation.problems = {"cake: no annotations"};
  evaluation.facts = {{"seed", 0}};
  return evaluation;
}

TEST(Summary, AveragesOverCategoriesInPercent) {
  const auto summary = summarise(three_sequences(), {});
  EXPECT_EQ(summary["dataset"], "co3d");
  EXPECT_EQ(summary["sequences"], 3);
  EXPECT_EQ(summary["pairs"], 9);
  EXPECT_EQ(summary["degenerate_pairs"], 3);
  // apple: half of the pairs 1, half 0; bench: bin 14, (30 - 14) / 30
  EXPECT_NEAR(summary["auc"]["30"].get<double>(), 100 * (0.5 + 16 / 30.0) / 2, 1e-9);
  EXPECT_NEAR(summary["auc"]["15"].get<double>(), 100 * (0.5 + 1 / 15.0) / 2, 1e-9);
  EXPECT_NEAR(summary["auc"]["5"].get<double>(), 25, 1e-9);
  EXPECT_NEAR(summary["auc_pooled"]["30"].get<double>(), 100 * (1 + 16 / 30.0) / 3, 1e-9);
  EXPECT_EQ(summary["left_out"][0]["sequence"], "b2");
  EXPECT_EQ(summary["problems"][0], "cake: no annotations");
  EXPECT_EQ(summary["seed"], 0);
  EXPECT_EQ(summary["by_trust"]["own SfM"]["sequences"], 1);
  EXPECT_EQ(summary["categories"]["apple"]["sequences"], 2);
  EXPECT_NEAR(summary["depth"]["scale_shift"]["abs_rel"].get<double>(), 0.05, 1e-12);
  EXPECT_NEAR(summary["points"]["chamfer"].get<double>(), 0.15, 1e-12);
  EXPECT_NEAR(summary["scans"]["cameras"]["clipped_sum"].get<double>(), 0.3, 1e-12);
  // Stretches count one by one, here four of each sequence.
  EXPECT_EQ(summary["stretches"]["stretches"], 12);
  EXPECT_NEAR(summary["stretches"]["translation_percent"].get<double>(), 115.0 / 30, 1e-9);
  // apple: up to 1/4 at 0.5 degrees, then 1/2; bench: up to 1/2 at 14.5 degrees, then 1.
  EXPECT_NEAR(summary["auc_trapezoid"]["20"].get<double>(),
              100 * ((0.5 / 8 + 19.5 / 2) + (14.5 / 4 + 5.5)) / 20 / 2,
              1e-9);
  EXPECT_EQ(summary["peak_memory_bytes"], 1'000'000'000);
  EXPECT_EQ(summary["seconds"], 0.25);
}

TEST(Summary, IntervalsHoldTheFigure) {
  const auto summary = summarise(three_sequences(), {});
  const double figure = summary["auc"]["30"].get<double>();
  EXPECT_LT(summary["auc_intervals"]["30"][0].get<double>(), figure);
  EXPECT_GT(summary["auc_intervals"]["30"][1].get<double>(), figure);
}

TEST(Summary, IntervalsOfMeansHoldThem) {
  Evaluation evaluation = three_sequences();
  evaluation.results[1].depth[0].second = {30, 0.5, 0.2, 0.3, 0.4, {0.5, 0.6, 0.7}};
  evaluation.results[1].points->chamfer = 0.45;
  const auto summary = summarise(evaluation, {});
  const auto holds = [](const nlohmann::ordered_json& interval,
                        const nlohmann::ordered_json& mean) {
    return interval[0].get<double>() < mean.get<double>() &&
           mean.get<double>() < interval[1].get<double>();
  };
  const auto& trajectory = summary["trajectory"];
  EXPECT_TRUE(holds(trajectory["ate_relative_interval"], trajectory["ate_relative"]));
  const auto& depth = summary["depth"]["median"];
  EXPECT_TRUE(holds(depth["abs_rel_interval"], depth["abs_rel"]));
  EXPECT_TRUE(holds(summary["points"]["chamfer_interval"], summary["points"]["chamfer"]));
  // Within the apples one of 10 and one of 30 pixels, beside the bench's 10.
  EXPECT_NEAR(depth["abs_rel"].get<double>(), (2 * 0.1 * 10 + 0.5 * 30) / 50, 1e-12);
  EXPECT_NEAR(depth["abs_rel_interval"][0].get<double>(), 0.1, 1e-12);
  EXPECT_NEAR(depth["abs_rel_interval"][1].get<double>(), (0.1 * 10 + 0.5 * 60) / 70, 1e-12);
  EXPECT_THAT(markdown_table(summary), HasSubstr("AbsRel 0.100 to 0.443, chamfer 0.150 to"));
}

// What a prediction that failed costs is not known, and its angles are none.
TEST(Summary, AFailedPredictionHasNoTimeNoMemoryAndNoAngle) {
  Evaluation evaluation = three_sequences();
  SequenceResult failed{.sequence = "a3", .category = "apple", .trust = "ground truth"};
  failed.frames = {0, 1, 2};
  failed.failure = "the pose is not finite";
  failed.pairs.assign(9, {kFailed_deg, kFailed_deg});
  evaluation.results.push_back(failed);
  const auto summary = summarise(evaluation, {});
  EXPECT_EQ(summary["failed_predictions"], 1);
  EXPECT_EQ(summary["seconds"], 0.25);
  EXPECT_EQ(nlohmann::json::parse(summary.dump())["median_rotation_deg"], nullptr);
  evaluation.results = {failed};
  const std::string table = markdown_table(summarise(evaluation, {}));
  EXPECT_THAT(table, HasSubstr("| 1 | 9 | 0.00 | 0.00 | 0.00 | 0.00 | 0.0 | 0.0 | - | - | - |"));
  EXPECT_THAT(table, HasSubstr("| - | - |\n| **mean**"));
  EXPECT_EQ(nlohmann::json::parse(summarise(evaluation, {}).dump())["peak_memory_bytes"], nullptr);
}

TEST(Summary, OfNothingHasNullsAndNoCrash) {
  const auto summary = summarise({.dataset = "scenes"}, {});
  EXPECT_EQ(summary["sequences"], 0);
  EXPECT_EQ(nlohmann::json::parse(summary.dump())["auc"]["30"], nullptr);
  EXPECT_THAT(markdown_table(summary), HasSubstr("0 sequences scored"));
}

TEST(AucOfChoice, AgreesWithScoringThePairs) {
  const Evaluation evaluation = three_sequences();
  const AucOfChoice choice(evaluation.results);
  const std::vector<int64_t> all = {0, 1, 2};
  std::vector<SequencePairs> pairs;
  for (const auto& result : evaluation.results) pairs.push_back({result.category, result.pairs});
  for (size_t t = 0; t < kThresholds_deg.size(); ++t) {
    EXPECT_NEAR(choice.at(t, all), pool(pairs).mean.auc[t], 1e-12);
  }
  const std::vector<int64_t> twice = {0, 0, 2};
  EXPECT_NEAR(choice.at(3, twice), (1 + 16 / 30.0) / 2, 1e-12);
}

TEST(AucOfChoice, CountsASceneThatIsDrawnTwice) {
  const std::vector<SequenceResult> scenes = {sequence_result("x", "x", 0.5),
                                              sequence_result("y", "y", 100)};
  const std::vector<int64_t> drawn = {0, 0};
  EXPECT_EQ(AucOfChoice(scenes).at(3, drawn), 1);
  const std::vector<int64_t> mixed = {0, 1};
  EXPECT_EQ(AucOfChoice(scenes).at(3, mixed), 0.5);
}

TEST(Tables, CsvHasALinePerSequenceOfTheSameWidth) {
  Evaluation evaluation = three_sequences();
  evaluation.results[1].trajectory.reset();
  evaluation.results[1].points.reset();
  evaluation.results[1].depth.clear();
  evaluation.results[1].failure = "frame 3: the pose is not finite, \"NaN\"";
  const std::string csv = sequences_csv(evaluation.results);
  std::vector<int64_t> commas;
  size_t begin = 0;
  while (begin < csv.size()) {
    const size_t end = csv.find('\n', begin);
    std::string line = csv.substr(begin, end - begin);
    bool quoted = false;
    line.erase(std::remove_if(line.begin(),
                              line.end(),
                              [&](char c) {
                                quoted = quoted != (c == '"');
                                return quoted;
                              }),
               line.end());
    commas.push_back(std::count(line.begin(), line.end(), ','));
    begin = end + 1;
  }
  ASSERT_EQ(commas.size(), 4);
  for (const int64_t count : commas) EXPECT_EQ(count, commas[0]);
  EXPECT_THAT(csv, HasSubstr("\"frame 3: the pose is not finite, \"\"NaN\"\"\""));
}

TEST(Tables, SayOverHowManySequencesAucIs) {
  Evaluation evaluation = three_sequences();
  for (PairError& pair : evaluation.results[2].pairs) pair.degenerate = true;
  const auto summary = summarise(evaluation, {});
  EXPECT_EQ(summary["auc_sequences"], 2);
  EXPECT_THAT(markdown_table(summary), HasSubstr("| **all** |  | 2 of 3 | 4 of 9 |"));
  EXPECT_THAT(markdown_table(summary), HasSubstr("| bench | own SfM | 0 of 1 | 0 of 3 | - |"));
}

TEST(Tables, MarkdownNamesTrustAndWhatWasLeftOut) {
  const std::string table = markdown_table(summarise(three_sequences(), {}));
  EXPECT_THAT(table, HasSubstr("3 sequences scored, 1 left out"));
  EXPECT_THAT(table, HasSubstr("| bench | own SfM | 1 | 2 of 3 | 53.33 |"));
  EXPECT_THAT(table, HasSubstr("| **all** |  | 3 | 6 of 9 |"));
  EXPECT_THAT(table, HasSubstr("- b2: images/7.jpg is missing"));
  EXPECT_THAT(table, HasSubstr("as for ScanNet-1500: @5 "));
  EXPECT_THAT(table, HasSubstr("(KITTI), after Sim(3): translation 3.83 %"));
  EXPECT_THAT(table, HasSubstr("aligned by cameras, 3 sequences"));
  EXPECT_THAT(table, HasSubstr("- cake: no annotations"));
}

TEST(Comparison, IsPairedOverTheCommonSequences) {
  const Evaluation a = three_sequences();
  Evaluation b = three_sequences();
  b.results[1] = sequence_result("a2", "apple", 0.5);
  b.results[2].frames = {0, 1, 2};  // others than in a
  b.results[0].depth[0].second.pixels = 30;
  b.results[1].depth[0].second.abs_rel = 0.5;
  const std::string text = markdown_comparison(a, b, {});
  EXPECT_THAT(text, HasSubstr("2 sequences in both (1 only in a, 1 only in b)"));
  EXPECT_THAT(text, HasSubstr("| AUC@30 | 50.00 | 100.00 | 50.00 | 0.00 to 100.00 |"));
  EXPECT_THAT(text, HasSubstr("| a2 | ground truth | 0.00 | 100.00 | 100.00 |"));
  // As the tables have it: weighted by pixels.
  EXPECT_THAT(text, HasSubstr("| AbsRel, median scale | 0.1000 | 0.2000 | 0.1000 |"));
  // The same results differ by nothing, whatever is drawn.
  EXPECT_THAT(markdown_comparison(a, a, {}), HasSubstr("| 0.00 | 0.00 to 0.00 |"));
  for (SequenceResult& result : b.results) result.fingerprint = "of another set";
  EXPECT_THAT(message_of<ConfigError>([&] { markdown_comparison(a, b, {}); }),
              HasSubstr("share no sequence"));
  b.results.clear();
  EXPECT_THAT(message_of<ConfigError>([&] { markdown_comparison(a, b, {}); }),
              HasSubstr("share no sequence"));
}

}  // namespace
}  // namespace vggt::eval
