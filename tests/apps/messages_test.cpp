// SPDX-License-Identifier: Apache-2.0
#include "apps/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "src/base/error.h"
#include "tests/support/temporary_folder.h"

namespace vggt::apps {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class MessagesTest : public testing::Test {
 protected:
  MessagesTest() : out_(std::fopen(folder_.file("out").c_str(), "w")) {}
  ~MessagesTest() override { std::fclose(out_); }

  std::unique_ptr<Messages> make(const MessageOptions& options, bool terminal = false) {
    auto messages = std::make_unique<Messages>(out_, terminal);
    messages->options = options;
    return messages;
  }
  std::string said() const { return read_bytes(folder_.file("out")); }
  std::vector<std::string> lines() const { return lines_of(said()); }

  TemporaryFolder folder_;
  std::FILE* out_;
};

Progress at(const std::string& stage, int64_t done, int64_t total, double seconds) {
  Progress progress{.stage = stage, .done = done, .total = total, .seconds = seconds};
  progress.rate = done == 0 ? 0 : static_cast<double>(done) / seconds;
  progress.seconds_left = done == 0 ? -1 : static_cast<double>(total - done) / progress.rate;
  return progress;
}

TEST_F(MessagesTest, PlainLinesSayStartAndEndAndNowAndThenHowFar) {
  const auto messages = make({});
  messages->show(at("encoder", 0, 100, 0));
  for (int i = 1; i <= 100; ++i) messages->show(at("encoder", i, 100, 0.11 * i));
  messages->show(at("camera head", 0, 1, 0));
  messages->show(at("camera head", 1, 1, 0.25));
  EXPECT_THAT(lines(),
              ElementsAre("encoder: 0/100",
                          "encoder: 46/100, 9.09/s, about 6 s left",
                          "encoder: 92/100, 9.09/s, about 1 s left",
                          "encoder: 100/100 in 11.0 s",
                          "camera head: 0/1",
                          "camera head: 1/1 in 0.2 s"));
}

TEST_F(MessagesTest, AStageThatRunsAgainStartsAgain) {
  const auto messages = make({});
  for (int run = 0; run < 2; ++run) {
    messages->show(at("encoder", 0, 2, 0));
    messages->show(at("encoder", 2, 2, 1));
  }
  EXPECT_THAT(
      lines(),
      ElementsAre(
          "encoder: 0/2", "encoder: 2/2 in 1.0 s", "encoder: 0/2", "encoder: 2/2 in 1.0 s"));
}

TEST_F(MessagesTest, ATerminalShowsOneLineWithRateAndTimeLeftThatVanishesAtTheEnd) {
  const auto messages = make({}, /*terminal=*/true);
  messages->show(at("depth head", 0, 8, 0));
  messages->show(at("depth head", 1, 8, 0.05));  // too soon to be drawn
  messages->show(at("depth head", 2, 8, 20));
  messages->say("a photo is white");
  messages->show(at("depth head", 8, 8, 80));
  const std::string clear = "\r\033[K";
  EXPECT_EQ(said(),
            clear + "depth head     0/8" + clear +
                "depth head     2/8  0.10/s  about 1 min 00 s left" + clear + "a photo is white\n" +
                clear);
}

TEST_F(MessagesTest, JsonLinesHoldProgressMessagesAndTheResult) {
  const auto messages = make({.progress = "json"}, /*terminal=*/true);
  messages->show(at("encoder", 0, 4, 0));
  messages->show(at("encoder", 1, 4, 2));
  messages->say("not UTF-8: \xff");
  messages->show(at("encoder", 4, 4, 8));
  messages->finish(1, "out of memory");
  std::vector<json> objects;
  for (const std::string& line : lines()) objects.push_back(json::parse(line));
  ASSERT_EQ(objects.size(), 5u);
  EXPECT_EQ(objects[0],
            json({{"stage", "encoder"},
                  {"done", 0},
                  {"total", 4},
                  {"seconds", 0.0},
                  {"rate", nullptr},
                  {"seconds_left", nullptr}}));
  EXPECT_EQ(objects[1]["rate"], 0.5);
  EXPECT_EQ(objects[1]["seconds_left"], 6.0);
  EXPECT_THAT(objects[2]["message"], HasSubstr("not UTF-8"));
  EXPECT_EQ(objects[3]["done"], 4);
  EXPECT_EQ(objects[4]["result"], "failure");
  EXPECT_EQ(objects[4]["exit_code"], 1);
  EXPECT_EQ(objects[4]["message"], "out of memory");
}

TEST_F(MessagesTest, QuietSaysNothingButErrors) {
  const auto messages = make({.quiet = true});
  messages->show(at("encoder", 0, 1, 0));
  messages->show(at("encoder", 1, 1, 1));
  messages->say("a note");
  EXPECT_THAT(said(), IsEmpty());
  messages->finish(1, "it broke");
  EXPECT_EQ(said(), "vggt: it broke\n");
}

TEST_F(MessagesTest, WithoutProgressNotesAreStillSaid) {
  const auto messages = make({.progress = "none"});
  messages->show(at("encoder", 0, 1, 0));
  messages->show(at("encoder", 1, 1, 1));
  messages->say("a note");
  EXPECT_EQ(said(), "a note\n");
}

TEST_F(MessagesTest, VerboseAddsExplanationsAndMemory) {
  make({})->explain("versions");
  EXPECT_THAT(said(), IsEmpty());
  const auto messages = make({.verbose = true});
  messages->explain("versions");
  messages->show(at("encoder", 0, 8, 0));
  messages->show(at("encoder", 8, 8, 4));
  EXPECT_THAT(lines(),
              ElementsAre("versions",
                          "encoder: 0/8",
                          MatchesRegex("encoder: 8/8 in 4.0 s, 2.00/s, peak memory [0-9.]+ GB")));
}

TEST_F(MessagesTest, ControlCharactersOfFileNamesAreReplaced) {
  make({})->say("photo \033[2J.jpg");
  EXPECT_EQ(said(), "photo ?[2J.jpg\n");
}

TEST_F(MessagesTest, TheLogHoldsWhatWasSaidBeforeAndAfterWhateverIsShown) {
  const auto messages = make({.quiet = true});
  messages->explain("versions");
  messages->show(at("weights", 0, 2, 0));
  messages->show(at("weights", 2, 2, 1));
  EXPECT_THROW(messages->log_to(folder_.file("none/log.txt")), IoError);
  messages->log_to(folder_.file("log.txt"));
  std::rename(folder_.file("log.txt").c_str(), folder_.file("moved.txt").c_str());
  messages->say("a note");
  messages->finish(1, "it broke");
  EXPECT_THAT(lines_of(read_bytes(folder_.file("moved.txt"))),
              ElementsAre(HasSubstr(" s  versions"),
                          HasSubstr(" s  weights: 2/2 in 1.0 s, 2.00/s, peak memory"),
                          HasSubstr(" s  a note"),
                          HasSubstr(" s  error: it broke")));
}

TEST_F(MessagesTest, AFullDiskEndsTheLogNotTheWork) {
  const auto messages = make({});
  EXPECT_NO_THROW(messages->log_to("/dev/full"));
  messages->say("first");
  messages->say("second");
  EXPECT_THAT(lines(), ElementsAre("first", HasSubstr("the log ends here"), "second"));
}

TEST(DurationText, IsShort) {
  EXPECT_EQ(duration_text(0.4), "0 s");
  EXPECT_EQ(duration_text(59.4), "59 s");
  EXPECT_EQ(duration_text(65), "1 min 05 s");
  EXPECT_EQ(duration_text(3600 + 61 * 60), "2 h 01 min");
}

}  // namespace
}  // namespace vggt::apps
