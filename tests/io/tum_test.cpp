// SPDX-License-Identifier: Apache-2.0
#include "src/io/tum.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <numbers>
#include <string>

namespace vggt {
namespace {

const double kHalf = std::numbers::sqrt2 / 2;

std::vector<TumPose> three_poses() {
  return {{0, {0, 0, 0}, {0, 0, 0, 1}},
          {1305031102.175304, {1.0 / 3, -2e-300, 5e22}, {kHalf, 0, 0, kHalf}},
          {2.5, {0.1, 0.2, 0.3}, {-0.5, 0.5, -0.5, 0.5}}};
}

TEST(Tum, ReadsBackWhatItWrote) {
  TemporaryFolder folder;
  write_tum(folder.file("a.tum"), three_poses());
  const std::vector<TumPose> read = read_tum(folder.file("a.tum"));
  ASSERT_EQ(read.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read[i].timestamp, three_poses()[i].timestamp);
    EXPECT_EQ(read[i].centre_in_world, three_poses()[i].centre_in_world);
    EXPECT_EQ(read[i].rotation_xyzw, three_poses()[i].rotation_xyzw);
  }
}

TEST(Tum, ALineIsTimePositionAndQuaternionWithTheScalarLast) {
  TemporaryFolder folder;
  write_tum(folder.file("a.tum"), {{3, {1, 2.5, -4}, {0, 0, 0.6, 0.8}}});
  const std::string text = read_bytes(folder.file("a.tum"));
  EXPECT_EQ(text.substr(text.find('\n') + 1), "3 1 2.5 -4 0 0 0.6 0.8\n");
}

TEST(Tum, ReadsWhatOthersWrite) {
  TemporaryFolder folder;
  folder.write("a.tum", "# timestamp ...\r\n\r\n 1.5\t1e0 2 3  0 0 0 1.0000 \r\n");
  const std::vector<TumPose> read = read_tum(folder.file("a.tum"));
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].timestamp, 1.5);
  EXPECT_EQ(read[0].centre_in_world[2], 3);
}

TEST(Tum, NoPosesAreAFileWithoutPoses) {
  TemporaryFolder folder;
  write_tum(folder.file("a.tum"), {});
  EXPECT_TRUE(read_tum(folder.file("a.tum")).empty());
}

// Between two lines a cut cannot be told from a shorter file.
TEST(Tum, EveryTruncationWithinALineIsAnIoError) {
  TemporaryFolder folder;
  write_tum(folder.file("a.tum"), three_poses());
  const std::string bytes = read_bytes(folder.file("a.tum"));
  for (size_t size = 1; size < bytes.size(); ++size) {
    if (bytes[size - 1] == '\n') continue;
    folder.write("b.tum", bytes.substr(0, size));
    EXPECT_THROW(read_tum(folder.file("b.tum")), IoError) << size << " bytes";
  }
}

TEST(Tum, BadLinesAreNamedWithTheField) {
  TemporaryFolder folder;
  const auto error_for = [&](const std::string& line) {
    folder.write("a.tum", "0 0 0 0 0 0 0 1\n" + line + "\n");
    return message_of<IoError>([&] { read_tum(folder.file("a.tum")); });
  };
  EXPECT_NE(error_for("1 0 0 0 0 0 0").find("line 2: ends before qx"), std::string::npos);
  EXPECT_NE(error_for("1 0 0 0 0 0 0 1 9").find("goes on with '9'"), std::string::npos);
  EXPECT_NE(error_for("1 0 x 0 0 0 0 1").find("tx ty tz is no finite number: 'x'"),
            std::string::npos);
  EXPECT_NE(error_for("nan 0 0 0 0 0 0 1").find("timestamp"), std::string::npos);
  EXPECT_NE(error_for("1 0 0 1e999 0 0 0 1").find("tx ty tz"), std::string::npos);
  EXPECT_NE(error_for("1 0 0 0 0 0 0 0").find("length 0"), std::string::npos);
  EXPECT_NE(error_for(std::string(100000, '\x01')).find("..."), std::string::npos);
}

TEST(Tum, UnwritableAndMissingFilesAreIoErrors) {
  TemporaryFolder folder;
  EXPECT_THROW(write_tum(folder.file("none/a.tum"), {}), IoError);
  EXPECT_THROW(read_tum(folder.file("none.tum")), IoError);
  EXPECT_THROW(read_tum(folder.path()), IoError);
}

}  // namespace
}  // namespace vggt
