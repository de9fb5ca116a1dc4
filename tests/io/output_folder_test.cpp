// SPDX-License-Identifier: Apache-2.0
#include "src/io/output_folder.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace vggt {
namespace {

namespace fs = std::filesystem;

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

size_t entries(const std::string& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

void write_result(const OutputFolder& output, const std::string& text) {
  write_text(output.path() + "/report", text);
}

// A folder that holds a former result.
void make_former(const std::string& path) {
  fs::create_directories(path);
  write_text(path + "/report", "former");
  write_text(path + "/only-former", "");
}

TEST(OutputFolder, AppearsOnlyWithCommit) {
  TemporaryFolder folder;
  OutputFolder output(folder.file("out"), false);
  write_result(output, "new");
  EXPECT_FALSE(fs::exists(folder.file("out")));
  EXPECT_EQ(fs::path(output.path()).parent_path(), fs::canonical(folder.path()));
  output.commit();
  EXPECT_EQ(read_bytes(folder.file("out/report")), "new");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(OutputFolder, WithoutCommitNothingIsLeft) {
  TemporaryFolder folder;
  {
    OutputFolder output(folder.file("out"), false);
    write_result(output, "new");
  }
  EXPECT_EQ(entries(folder.path()), 0u);
}

TEST(OutputFolder, MissingParentsAreMade) {
  TemporaryFolder folder;
  OutputFolder output(folder.file("a/b/out"), false);
  write_result(output, "new");
  output.commit();
  EXPECT_EQ(read_bytes(folder.file("a/b/out/report")), "new");
}

TEST(OutputFolder, DotsAndTrailingSlashesMeanTheSameFolder) {
  for (const char* name : {"out/", "out//", "./out", "out/.", "out/./", "x/../out"}) {
    TemporaryFolder folder;
    OutputFolder output(folder.file(name), false);
    write_result(output, "new");
    output.commit();
    EXPECT_EQ(read_bytes(folder.file("out/report")), "new") << name;
    EXPECT_EQ(entries(folder.path()), 1u) << name;
  }
}

TEST(OutputFolder, AnEmptyFolderIsUsed) {
  TemporaryFolder folder;
  fs::create_directory(folder.file("out"));
  OutputFolder output(folder.file("out"), false);
  write_result(output, "new");
  output.commit();
  EXPECT_EQ(read_bytes(folder.file("out/report")), "new");
}

TEST(OutputFolder, AFolderInUseIsRefusedAndTheWayOutNamed) {
  TemporaryFolder folder;
  make_former(folder.file("out"));
  const std::string message =
      message_of<ConfigError>([&] { OutputFolder output(folder.file("out"), false); });
  EXPECT_EQ(message.rfind("output: ", 0), 0u);
  EXPECT_NE(message.find("--overwrite"), std::string::npos);
  EXPECT_EQ(read_bytes(folder.file("out/report")), "former");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(OutputFolder, OverwriteReplacesTheWholeFolder) {
  TemporaryFolder folder;
  make_former(folder.file("out"));
  OutputFolder output(folder.file("out"), true);
  write_result(output, "new");
  EXPECT_EQ(read_bytes(folder.file("out/report")), "former");
  output.commit();
  EXPECT_EQ(read_bytes(folder.file("out/report")), "new");
  EXPECT_FALSE(fs::exists(folder.file("out/only-former")));
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(OutputFolder, OverwriteWithoutCommitKeepsTheFormer) {
  TemporaryFolder folder;
  make_former(folder.file("out"));
  { OutputFolder output(folder.file("out"), true); }
  EXPECT_EQ(read_bytes(folder.file("out/report")), "former");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(OutputFolder, ResultsThatVanishedDoNotReplaceTheFormer) {
  TemporaryFolder folder;
  make_former(folder.file("out"));
  OutputFolder output(folder.file("out"), true);
  fs::remove_all(output.path());
  fs::create_directory(output.path());  // as whoever writes the next file does
  EXPECT_NE(message_of<IoError>([&] { output.commit(); }).find("was removed"), std::string::npos);
  fs::remove(output.path());
  EXPECT_EQ(read_bytes(folder.file("out/report")), "former");
  EXPECT_EQ(entries(folder.path()), 1u);
}

// Another run may finish first.
TEST(OutputFolder, AFailedCommitKeepsTheResultsAndSaysWhere) {
  TemporaryFolder folder;
  std::string message;
  {
    OutputFolder output(folder.file("out"), false);
    write_result(output, "new");
    make_former(folder.file("out"));
    message = message_of<IoError>([&] { output.commit(); });
  }
  const std::string kept = folder.file("out.kept-" + std::to_string(getpid()));
  EXPECT_NE(message.find(kept), std::string::npos) << message;
  EXPECT_EQ(read_bytes(folder.file("out/report")), "former");
  { OutputFolder later(folder.file("out"), true); }
  EXPECT_EQ(read_bytes(kept + "/report"), "new") << "a later run removed it";
}

TEST(OutputFolder, TwoAtOnceDoNotShareAStagingFolder) {
  TemporaryFolder folder;
  OutputFolder first(folder.file("out"), false);
  OutputFolder second(folder.file("out"), false);
  EXPECT_NE(first.path(), second.path());
  EXPECT_TRUE(fs::is_directory(first.path())) << "what a running program writes is not cleaned up";
}

TEST(OutputFolder, WhatAKilledRunLeftGoes) {
  TemporaryFolder folder;
  make_former(folder.file("out"));
  make_former(folder.file(".out.vggt-partial-12"));
  make_former(folder.file(".out.vggt-old-12-2"));
  const std::vector<std::string> others = {"out.partial-12",
                                           "out.old-backup",
                                           "out.kept-12",
                                           ".other.vggt-partial-12",
                                           ".out.vggt-old-notes"};
  for (const std::string& other : others) make_former(folder.file(other));
  OutputFolder output(folder.file("out"), true);
  EXPECT_FALSE(fs::exists(folder.file(".out.vggt-partial-12")));
  EXPECT_FALSE(fs::exists(folder.file(".out.vggt-old-12-2")));
  for (const std::string& other : others) EXPECT_TRUE(fs::exists(folder.file(other))) << other;
  EXPECT_EQ(read_bytes(folder.file("out/report")), "former");
}

TEST(OutputFolder, AFormerResultThatAKilledRunMovedAsideComesBack) {
  TemporaryFolder folder;
  make_former(folder.file(".out.vggt-old-12"));
  EXPECT_THROW(OutputFolder(folder.file("out"), false), ConfigError);
  EXPECT_EQ(read_bytes(folder.file("out/report")), "former");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(OutputFolder, AFolderThatHoldsAnInputIsNeverReplaced) {
  TemporaryFolder folder;
  make_former(folder.file("photos"));
  const std::string report = folder.file("photos/report");
  for (const std::string& input : {folder.file("photos"), report, folder.file("photos/./report")}) {
    EXPECT_NE(message_of<ConfigError>([&] {
                OutputFolder output(folder.file("photos"), true, {input});
              }).find("holds the input"),
              std::string::npos);
  }
  // A folder beside the inputs, or within their folder, holds none.
  fs::create_directories(folder.file("photos/out"));
  folder.write("photos/out/x", "");
  EXPECT_NO_THROW(OutputFolder(folder.file("photos/out"), true, {folder.file("photos"), report}));
  EXPECT_TRUE(fs::exists(report));
}

TEST(OutputFolder, TheCurrentFolderIsNeverReplaced) {
  for (const char* path : {".", "./", "..", "/"}) {
    EXPECT_NE(
        message_of<ConfigError>([&] { OutputFolder output(path, true); }).find("current folder"),
        std::string::npos)
        << path;
  }
}

TEST(OutputFolder, ALinkMeansTheFolderItLeadsTo) {
  TemporaryFolder folder;
  fs::create_directory(folder.file("real"));
  fs::create_directory_symlink(folder.file("real"), folder.file("link"));
  OutputFolder output(folder.file("link"), false);
  write_result(output, "new");
  output.commit();
  EXPECT_TRUE(fs::is_symlink(folder.file("link")));
  EXPECT_EQ(read_bytes(folder.file("real/report")), "new");
}

TEST(OutputFolder, WhatCannotBecomeAFolderIsAnIoError) {
  TemporaryFolder folder;
  folder.write("file", "text");
  EXPECT_NE(message_of<IoError>([&] {
              OutputFolder output(folder.file("file"), true);
            }).find("not a folder"),
            std::string::npos);
  EXPECT_THROW(OutputFolder(folder.file("file/out"), false), IoError);
  fs::create_symlink(folder.file("nowhere"), folder.file("dangling"));
  EXPECT_THROW(OutputFolder(folder.file("dangling"), false), IoError);
  EXPECT_THROW(OutputFolder("/proc/vggt-out", false), IoError);
  EXPECT_THROW(OutputFolder("", false), ConfigError);
  EXPECT_EQ(read_bytes(folder.file("file")), "text");
}

TEST(OutputFolder, AMountPointIsRefusedBeforeTheWork) {
  if (!fs::exists("/dev/shm")) GTEST_SKIP() << "no /dev/shm here";
  EXPECT_NE(message_of<ConfigError>([] {
              OutputFolder output("/dev/shm", true);
            }).find("/dev/shm/result"),
            std::string::npos);
}

}  // namespace
}  // namespace vggt
