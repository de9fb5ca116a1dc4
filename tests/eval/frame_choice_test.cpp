// SPDX-License-Identifier: Apache-2.0
#include "src/eval/frame_choice.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

namespace vggt::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The specification's draws; what is left out takes nothing from the stream.
TEST(ChooseFrames, DrawFromOneStreamAsPublished) {
  const std::vector<Candidate> candidates = {
      {"apple", "a", 102}, {"apple", "short", 49, false}, {"apple", "b", 202}, {"bench", "c", 50}};
  const auto chosen = choose_frames(candidates, {.one_stream = true});
  EXPECT_THAT(chosen[0], ElementsAre(26, 92, 2, 55, 91, 84, 16, 66, 54, 68));
  EXPECT_TRUE(chosen[1].empty());
  EXPECT_THAT(chosen[2], ElementsAre(182, 66, 105, 137, 158, 22, 78, 92, 187, 119));
  EXPECT_THAT(chosen[3], ElementsAre(2, 1, 21, 15, 44, 12, 48, 35, 31, 5));
}

TEST(ChooseFrames, OwnStreamsDoNotDependOnTheOthers) {
  const std::vector<Candidate> both = {{"x", "first", 30}, {"y", "second", 40}};
  const std::vector<Candidate> alone = {{"y", "second", 40}};
  EXPECT_EQ(choose_frames(both, {})[1], choose_frames(alone, {})[0]);
  EXPECT_NE(choose_frames(both, {})[1], choose_frames(both, {.seed = 1})[1]);
}

TEST(ChooseFrames, InOrder) {
  const std::vector<Candidate> ten = {{"x", "s", 10}};
  EXPECT_THAT(choose_frames(ten, {.frames = 3, .order = FrameOrder::kFirst})[0],
              ElementsAre(0, 1, 2));
  EXPECT_THAT(choose_frames(ten, {.frames = 0, .stride = 4})[0], ElementsAre(0, 4, 8));
  // floor(9 / 3) = 3
  EXPECT_THAT(choose_frames(ten, {.frames = 4, .order = FrameOrder::kEven})[0],
              ElementsAre(0, 1, 4, 7));
  EXPECT_THAT(choose_frames(ten, {.frames = 6, .order = FrameOrder::kEven})[0],
              ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(choose_frames(ten, {.frames = 99, .order = FrameOrder::kEven})[0].size(), 10);
}

TEST(DrawSequences, TakesTenOfEachCategoryThatHasThem) {
  std::vector<Candidate> candidates;
  for (int i = 0; i < 10; ++i) candidates.push_back({"apple", "a" + std::to_string(i), 99});
  for (int i = 0; i < 3; ++i) candidates.push_back({"bench", "b" + std::to_string(i), 99});
  for (int i = 0; i < 17; ++i) candidates.push_back({"cup", "c" + std::to_string(i), 99});
  const auto kept = draw_sequences(candidates, 10, 0);
  std::vector<int> cups;
  for (int i = 0; i < 30; ++i) {
    if (i < 13) {
      EXPECT_TRUE(kept[static_cast<size_t>(i)]);
    } else if (kept[static_cast<size_t>(i)]) {
      cups.push_back(i - 13);
    }
  }
  // Python's second sample of seed 0, sorted; the bench, too small, drew nothing.
  EXPECT_THAT(cups, ElementsAre(1, 2, 4, 6, 8, 9, 12, 13, 14, 15));
}

TEST(FrameList, IsRead) {
  TemporaryFolder folder;
  const auto list =
      read_frame_lists(folder.write("list.json", R"({"a_1": [3, 1, 2], "b": [[0, 5], [7, 6]]})"));
  EXPECT_THAT(list.at("a_1"), ElementsAre(ElementsAre(3, 1, 2)));
  EXPECT_THAT(list.at("b"), ElementsAre(ElementsAre(0, 5), ElementsAre(7, 6)));
  const std::pair<const char*, const char*> bad[] = {
      {R"({"b": "all"})", "bad.json: must be {sequence: [indices]}: that of b is no list"},
      {R"([[0, 1]])", "it is no object"},
      {R"({"b": [0.5, 1]})", "that of b holds 0.5, which is no whole number"},
      {R"({"b": [true, 1]})", "holds true"},
      {R"({"b": [[0, 1], 2]})", "that of b is no list"},
      {R"({"b": [0, 0, 1]})", "that of b holds 0 twice"},
      {R"({"a": [0, 1], "b": [[0, 1], [5, 7, 5]]})", "that of b holds 5 twice"}};
  for (const auto& [text, message] : bad) {
    EXPECT_THAT(message_of<IoError>([&] { read_frame_lists(folder.write("bad.json", text)); }),
                HasSubstr(message));
  }
}

TEST(AskedFor, IsByNameOrCategory) {
  const std::vector<Candidate> candidates = {
      {"apple", "apple/1_1", 9}, {"apple", "apple/2_2", 9}, {"bench", "bench/3_3", 9}};
  const auto asked = [&](const std::vector<std::string>& names) {
    return asked_for(candidates, names);
  };
  EXPECT_THAT(asked({}), ElementsAre(true, true, true));
  EXPECT_THAT(asked({"apple"}), ElementsAre(true, true, false));
  EXPECT_THAT(asked({"2_2", "bench/3_3"}), ElementsAre(false, true, true));
  EXPECT_THAT(message_of<ConfigError>([&] {
                asked({"1_1", "3_4"});
              }),
              HasSubstr("'3_4' is no sequence and no category"));
}

}  // namespace
}  // namespace vggt::eval
