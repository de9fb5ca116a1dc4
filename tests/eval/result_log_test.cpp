// SPDX-License-Identifier: Apache-2.0
#include "src/eval/result_log.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/sequence_results.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

namespace vggt::eval {
namespace {

using ::testing::HasSubstr;
using vggt::testing::sequence_result;

TEST(SequenceResult, ReadsBackWhatItWas) {
  SequenceResult result = sequence_result("s", "c", 7);
  result.points->normals.mean = std::nan("");
  result.forward_seconds = std::nan("");
  const auto json = nlohmann::ordered_json::parse(to_json(result).dump());
  const SequenceResult back = sequence_result_from(json);
  EXPECT_TRUE(std::isnan(back.points->normals.mean));
  EXPECT_TRUE(std::isnan(back.forward_seconds));
  EXPECT_EQ(to_json(back).dump(), to_json(result).dump());
  EXPECT_EQ(back.frames, result.frames);
  EXPECT_TRUE(back.pairs[2].degenerate);
  EXPECT_EQ(back.depth[1].second.delta[2], 1);
}

TEST(ResultLog, ARerunFindsWhatIsDone) {
  TemporaryFolder folder;
  const std::string path = folder.file("results.jsonl");
  {
    ResultLog log(path, "key");
    EXPECT_EQ(log.find("s", {4, 0, 2}, "of s"), nullptr);
    log.append(sequence_result("s", "c", 7));
  }
  ResultLog log(path, "key");
  ASSERT_NE(log.find("s", {4, 0, 2}, "of s"), nullptr);
  EXPECT_EQ(log.find("s", {4, 0, 2}, "of s")->pairs[0].rotation_deg, 7);
  EXPECT_EQ(log.find("s", {0, 4, 2}, "of s"), nullptr);  // other frames
  EXPECT_EQ(log.find("t", {4, 0, 2}, "of t"), nullptr);
  EXPECT_EQ(log.find("s", {4, 0, 2}, "of another set"), nullptr);
}

TEST(ResultLog, AReportReadsOnlyWhatItTellsOf) {
  TemporaryFolder folder;
  const std::string path = folder.file("results.jsonl");
  ResultLog log(path, "key");
  for (const char* name : {"s", "t", "u"}) log.append(sequence_result(name, "c", 7));
  const auto results = read_results(path, "key", {"of u", "of s", "of v"});
  ASSERT_EQ(results.size(), 2);
  EXPECT_EQ(results[0].sequence, "s");
  EXPECT_EQ(results[1].sequence, "u");
}

TEST(ResultLog, OtherWeightsOrOptionsDoNotCount) {
  TemporaryFolder folder;
  const std::string path = folder.file("results.jsonl");
  ResultLog(path, "key").append(sequence_result("s", "c", 7));
  ResultLog log(path, "another");
  EXPECT_EQ(log.find("s", {4, 0, 2}, "of s"), nullptr);
  EXPECT_EQ(log.others(), 1);
  EXPECT_EQ(read_results(path, "key", {"of s"}).size(), 1);
  EXPECT_TRUE(read_results(path, "another", {"of s"}).empty());
}

TEST(ResultLog, HalfALineOfAKilledRunIsCutOff) {
  TemporaryFolder folder;
  const std::string path = folder.file("results.jsonl");
  ResultLog(path, "key").append(sequence_result("s", "c", 7));
  const std::string whole = read_bytes(path);
  for (const size_t cut : {size_t{1}, whole.size() / 2, whole.size() - 1}) {
    folder.write("results.jsonl", whole + whole.substr(0, cut));
    ResultLog log(path, "key");
    EXPECT_NE(log.find("s", {4, 0, 2}, "of s"), nullptr);
    log.append(sequence_result("t", "c", 8));
    EXPECT_EQ(read_results(path, "key", {"of s", "of t"}).size(), 2) << cut;
  }
}

TEST(ResultLog, RefusesALineThatIsNoResultAndASecondWriter) {
  TemporaryFolder folder;
  const std::string path = folder.write("results.jsonl", "{\"key\": \"key\"}\n");
  EXPECT_THAT(message_of<IoError>([&] { ResultLog log(path, "key"); }),
              HasSubstr("results.jsonl: line 1 is no result"));
  const std::string other = folder.file("other.jsonl");
  ResultLog first(other, "key");
  EXPECT_THAT(message_of<IoError>([&] { ResultLog second(other, "key"); }),
              HasSubstr("another run is writing it"));
}

}  // namespace
}  // namespace vggt::eval
