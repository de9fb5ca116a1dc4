// SPDX-License-Identifier: Apache-2.0
#include "src/accel/automatic.h"

#include <gmock/gmock.h>

#include <fstream>

#include "src/accel/methods.h"
#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace vggt::accel {
namespace {

using ::testing::HasSubstr;

const MergeOptions kGrid = {"grid", {{"ratio", "0.25"}}};
const MergeOptions kKeys = {"window-keys", {{"ratio", "0.15"}}};
const MergeOptions kCome = {"come", {}};

// A table of three methods in a file.
class Automatic : public ::testing::Test {
 protected:
  Automatic() : path_(folder_.file("table.json")) {
    write(table_with(path_,
                     {{kGrid, "cpu", 1024, 1000, 1.5},
                      {kGrid, "cpu", 1024, 16000, 4},
                      {kKeys, "cpu", 1024, 1000, 0.9},
                      {kKeys, "cpu", 1024, 16000, 2},
                      {kCome, "cpu", 1024, 1000, 3},
                      {kKeys, "cpu", 192, 1000, 1.8}},
                     {{kGrid, "mini", 0.8}, {kKeys, "mini", 0.995}, {kCome, "mini", 0.99}}));
  }

  void write(const std::string& text) { std::ofstream(path_) << text; }

  AutoChoice choose(const AutoFacts& facts, const std::string& quality = "0.99") const {
    return choose_automatically({"auto", {{"table", path_}, {"quality", quality}}}, facts);
  }

  TemporaryFolder folder_;
  std::string path_;
};

TEST_F(Automatic, TakesTheFastestThatKeepsTheQuality) {
  const AutoFacts many = {.frames = 16, .tokens = 16000, .channels = 1024, .device = "cpu"};
  const AutoChoice strict = choose(many);
  EXPECT_EQ(strict.options.method, "window-keys");
  EXPECT_EQ(strict.options.settings, kKeys.settings);
  EXPECT_THAT(strict.reason, HasSubstr("window-keys ratio=0.15: 2 times as fast at 16 frames"));
  EXPECT_THAT(strict.reason, HasSubstr("keeps 0.995 of the dense score (of mini)"));
  EXPECT_EQ(choose(many, "0.5").options.method, "grid");
  EXPECT_EQ(
      choose({.frames = 90, .tokens = 90000, .channels = 1024, .device = "cpu"}).options.method,
      "window-keys")
      << "beyond what was measured";
}

TEST_F(Automatic, StaysDenseWhereMergingDoesNotPay) {
  for (const int64_t tokens : {500, 1000, 1100}) {
    const AutoChoice few =
        choose({.frames = 1, .tokens = tokens, .channels = 1024, .device = "cpu"});
    EXPECT_FALSE(few.options.is_on()) << tokens;
    EXPECT_THAT(few.reason, HasSubstr("dense: at 1 frames"));
  }
  // Between 0.9 at 1000 tokens and 2 at 16000, in the logarithm: 1.45 at 4000.
  const AutoChoice middle =
      choose({.frames = 4, .tokens = 4000, .channels = 1024, .device = "cpu"});
  EXPECT_THAT(middle.reason, HasSubstr("1.45 times"));
  const AutoFacts many = {.frames = 16, .tokens = 16000, .channels = 1024, .device = "cpu"};
  EXPECT_THAT(choose(many, "0.999").reason, HasSubstr("nothing that keeps 0.999"));
  AutoFacts gpu = many;
  gpu.device = "cuda";
  EXPECT_THAT(choose(gpu).reason, HasSubstr("no speed was measured on cuda"));
}

TEST_F(Automatic, GoesByTheModelOfTheNearestWidth) {
  EXPECT_TRUE(
      choose({.frames = 9, .tokens = 1000, .channels = 256, .device = "cpu"}).options.is_on());
  EXPECT_FALSE(
      choose({.frames = 9, .tokens = 1000, .channels = 768, .device = "cpu"}).options.is_on());
}

TEST_F(Automatic, AMethodThatNeedsAPredictorIsTakenOnlyWithOne) {
  const AutoFacts facts = {.frames = 9, .tokens = 1000, .channels = 1024, .device = "cpu"};
  EXPECT_FALSE(choose(facts).options.is_on());
  const AutoChoice with =
      choose_automatically({"auto", {{"table", path_}, {"predictor", "p.safetensors"}}}, facts);
  EXPECT_EQ(with.options.method, "come");
  EXPECT_EQ(with.options.settings.at("predictor"), "p.safetensors");
}

TEST_F(Automatic, NewLinesReplaceThoseOfTheSameCircumstances) {
  write(table_with(path_, {{kKeys, "cpu", 1024, 16000, 0.5}}, {{kKeys, "other", 0.999}}));
  const AutoFacts many = {.frames = 16, .tokens = 16000, .channels = 1024, .device = "cpu"};
  EXPECT_FALSE(choose(many, "0.995").options.is_on());
  EXPECT_EQ(choose({.frames = 9, .tokens = 1000, .channels = 192, .device = "cpu"}).options.method,
            "window-keys")
      << "the others stay";
}

TEST_F(Automatic, SaysWhatIsWrong) {
  const auto said = [](const std::map<std::string, std::string>& settings) {
    return message_of<ConfigError>([&] { check({"auto", settings}); });
  };
  EXPECT_THAT(said({{"quality", "1.5"}}),
              HasSubstr("auto: quality: '1.5' must be a number from 0 to 1"));
  EXPECT_THAT(said({{"ratio", "0.5"}}), HasSubstr("auto has no setting 'ratio'"));
  const AutoFacts facts = {.frames = 1, .tokens = 1000, .channels = 1024, .device = "cpu"};
  EXPECT_THROW(choose_automatically({"auto", {{"table", folder_.file("none")}}}, facts), IoError);
  for (
      const char* text :
      {"{",
       "{}",
       R"({"speed": [{}], "quality": []})",
       R"({"speed": [], "quality": [{"method": "x", "settings": {}, "weights": "", "quality": 1}]})"}) {
    write(text);
    EXPECT_THAT(message_of<IoError>([&] { choose(facts); }), HasSubstr("table.json")) << text;
  }
}

TEST(BuiltInTable, CanBeRead) {
  MergeReport report;
  const MergeOptions chosen = resolved(
      {"auto", {}}, {.frames = 1, .tokens = 10, .channels = 1024, .device = "cpu"}, &report);
  EXPECT_FALSE(chosen.is_on());
  EXPECT_THAT(report.reason, HasSubstr("dense: "));
  // Others are as asked for.
  EXPECT_EQ(resolved({"grid", {}}, {}, nullptr).method, "grid");
}

}  // namespace
}  // namespace vggt::accel
