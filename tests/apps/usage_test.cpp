// SPDX-License-Identifier: Apache-2.0
#include "apps/usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace vggt::apps {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Nearest, FindsWhatAFewLettersMake) {
  const std::vector<std::string> names = {"--overwrite", "--output", "--device", "-o"};
  EXPECT_EQ(nearest("--overwrit", names), "--overwrite");
  EXPECT_EQ(nearest("--ouptut", names), "--output") << "two letters swapped";
  EXPECT_EQ(nearest("--devise", names), "--device");
  EXPECT_EQ(nearest("--over", names), "--overwrite") << "a beginning";
  EXPECT_EQ(nearest("--quiet", names), "");
  EXPECT_EQ(nearest("-x", names), "") << "one letter of one is no likeness";
  EXPECT_EQ(nearest("", names), "");
}

// What is said to `arguments` by a program with two subcommands.
std::string message_to(const std::string& arguments) {
  CLI::App app("", "vggt");
  app.require_subcommand(1);
  CLI::App* make = app.add_subcommand("reconstruct", "");
  std::string text;
  make->add_option("photos", text)->required();
  make->add_option("-o,--output", text)->required();
  make->add_flag("--overwrite");
  make->add_option("--fit", text)->check(CLI::IsMember({"crop", "pad"}));
  app.add_subcommand("bench", "");
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return usage_message(app, error);
  }
  return "nothing";
}

TEST(UsageMessage, NamesTheSubcommandThatWasMeant) {
  EXPECT_EQ(message_to("reconstrct photos -o out"),
            "unknown subcommand 'reconstrct'; did you mean reconstruct?\nSee 'vggt --help'.");
  EXPECT_THAT(message_to("frobnicate"),
              StartsWith("unknown subcommand 'frobnicate'; there are reconstruct, bench\n"));
  EXPECT_THAT(message_to("bnch bench"), StartsWith("unknown subcommand 'bnch'; did you mean"));
  EXPECT_THAT(message_to(""), StartsWith("a subcommand is missing: one of reconstruct, bench"));
}

TEST(UsageMessage, NamesTheOptionThatWasMeant) {
  EXPECT_EQ(message_to("reconstruct photos -o out --overwrit"),
            "unknown option --overwrit; did you mean --overwrite?\nSee 'vggt reconstruct --help'.");
  EXPECT_THAT(message_to("reconstruct photos --outptu=out"),
              StartsWith("unknown option --outptu; did you mean --output?\n"))
      << "more use than that --output is missing";
  EXPECT_THAT(message_to("bench --frobnicate"), StartsWith("unknown option --frobnicate\n"));
}

TEST(UsageMessage, NamesAllThatIsMissing) {
  EXPECT_EQ(message_to("reconstruct"),
            "photos and -o, --output are missing\nSee 'vggt reconstruct --help'.");
  EXPECT_THAT(message_to("reconstruct photos"), StartsWith("-o, --output is missing\n"));
}

TEST(UsageMessage, NamesWhatIsTooMuchOrNotAllowed) {
  EXPECT_THAT(message_to("bench photos"), StartsWith("unexpected argument 'photos'\n"));
  EXPECT_THAT(message_to("reconstruct a -o b --fit tile"), HasSubstr("--fit: tile not in"));
}

}  // namespace
}  // namespace vggt::apps
