// SPDX-License-Identifier: Apache-2.0
#include "apps/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "apps/program.h"
#include "tests/support/temporary_folder.h"

namespace vggt::apps {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Completion : public testing::Test {
 protected:
  Completion() : app_("A program", "vggt") {
    app_.add_option("--progress", text_)->check(CLI::IsMember({"auto", "json"}));
    CLI::App* make = app_.add_subcommand("reconstruct", "It's [quoted]: all");
    make->add_option("photos", text_);
    make->add_option("-o,--output", text_, "Folder")->type_name("FOLDER");
    make->add_option("--heads", list_)->delimiter(',')->check(CLI::IsMember({"camera", "depth"}));
    make->add_option("--count", number_);
    make->add_flag("--overwrite");
    app_.add_subcommand("bench", "Time");
    folder_.write("a photo.jpg", "");
    mkdir("a folder");
  }

  void mkdir(const std::string& name) { std::filesystem::create_directory(folder_.file(name)); }

  // What a bash in the folder offers for the last of `words`, one per line.
  std::vector<std::string> offered(const std::vector<std::string>& words) {
    folder_.write("script", bash_completion(app_));
    std::string command =
        "cd " + shell_quoted(folder_.path()) + "; . ./script; rm script; COMP_WORDS=(";
    for (const std::string& word : words) command += shell_quoted(word) + " ";
    command += "); COMP_CWORD=" + std::to_string(words.size() - 1) +
               "; _vggt; printf '%s\\n' \"${COMPREPLY[@]}\"";
    std::FILE* pipe = popen(("bash -c " + shell_quoted(command)).c_str(), "r");
    std::vector<std::string> lines(1);
    for (int c; (c = std::fgetc(pipe)) != EOF;) {
      c == '\n' ? lines.emplace_back() : lines.back() += static_cast<char>(c);
    }
    EXPECT_EQ(pclose(pipe), 0);
    lines.pop_back();
    if (lines == std::vector<std::string>{""}) lines.clear();
    return lines;
  }

  CLI::App app_;
  std::string text_;
  std::vector<std::string> list_;
  int number_ = 0;
  TemporaryFolder folder_;
};

TEST_F(Completion, OffersSubcommandsAndOptions) {
  EXPECT_THAT(offered({"vggt", ""}), ElementsAre("reconstruct", "bench"));
  EXPECT_THAT(offered({"vggt", "be"}), ElementsAre("bench"));
  EXPECT_THAT(offered({"vggt", "--pr"}), ElementsAre("--progress"));
  EXPECT_THAT(offered({"vggt", "reconstruct", "--o"}), ElementsAre("--output", "--overwrite"));
}

TEST_F(Completion, OffersTheChoicesOfAnOption) {
  EXPECT_THAT(offered({"vggt", "--progress", ""}), ElementsAre("auto", "json"));
  EXPECT_THAT(offered({"vggt", "--progress", "=", "j"}), ElementsAre("json")) << "as bash splits =";
  EXPECT_THAT(offered({"vggt", "--progress", "="}), ElementsAre("auto", "json"));
  EXPECT_THAT(offered({"vggt", "reconstruct", "--heads", "camera,d"}), ElementsAre("camera,depth"));
}

TEST_F(Completion, OffersFilesWhereFilesBelong) {
  EXPECT_THAT(offered({"vggt", "reconstruct", "a "}),
              testing::UnorderedElementsAre("a folder", "a photo.jpg"));
  EXPECT_THAT(offered({"vggt", "reconstruct", "-o", "a "}), ElementsAre("a folder"));
  EXPECT_THAT(offered({"vggt", "reconstruct", "--count", ""}), IsEmpty());
}

TEST_F(Completion, ForZshHoldsTheSameAndQuotesDescriptions) {
  EXPECT_THAT(zsh_completion(app_),
              AllOf(HasSubstr("#compdef vggt\n"),
                    HasSubstr(R"('reconstruct:It'\''s \[quoted\]\: all')"),
                    HasSubstr("':photos:_files'"),
                    HasSubstr("'--progress=[]:auto|json:(auto json)'"),
                    HasSubstr("'(-o --output)--output=[Folder]:FOLDER:_files -/'")));
}

}  // namespace
}  // namespace vggt::apps
