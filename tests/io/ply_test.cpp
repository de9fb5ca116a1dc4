// SPDX-License-Identifier: Apache-2.0
#include "src/io/ply.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <string>

namespace vggt {
namespace {

PointCloud two_points() {
  PointCloud cloud;
  cloud.position =
      at::tensor({1.0f, -2.5f, 3.0f, 1e-20f, 5e8f, std::numeric_limits<float>::infinity()});
  cloud.position = cloud.position.view({2, 3});
  cloud.colour = at::tensor({0, 127, 255, 1, 2, 3}, at::kByte).view({2, 3});
  cloud.confidence = at::tensor({1.5f, 80.0f});
  return cloud;
}

TEST(Ply, ReadsBackWhatItWrote) {
  TemporaryFolder folder;
  const PointCloud cloud = two_points();
  write_ply(folder.file("a.ply"), cloud);
  const PointCloud read = read_ply(folder.file("a.ply"));
  EXPECT_TRUE(at::equal(read.position, cloud.position));
  EXPECT_TRUE(at::equal(read.colour, cloud.colour));
  EXPECT_TRUE(at::equal(read.confidence, cloud.confidence));
}

TEST(Ply, NormalsAreWrittenAndReadBackWhereThereAreSome) {
  TemporaryFolder folder;
  PointCloud cloud = two_points();
  write_ply(folder.file("a.ply"), cloud);
  EXPECT_FALSE(read_ply(folder.file("a.ply")).normal.defined());
  cloud.normal = at::tensor({0.0f, 0.6f, -0.8f, 1.0f, 0.0f, 0.0f}).view({2, 3});
  write_ply(folder.file("b.ply"), cloud);
  const PointCloud read = read_ply(folder.file("b.ply"));
  EXPECT_TRUE(at::equal(read.normal, cloud.normal));
  EXPECT_TRUE(at::equal(read.position, cloud.position));
  EXPECT_TRUE(at::equal(read.colour, cloud.colour));
  EXPECT_TRUE(at::equal(read.confidence, cloud.confidence));
  const std::string bytes = read_bytes(folder.file("b.ply"));
  EXPECT_NE(bytes.find("property float z\nproperty float nx\nproperty float ny\n"
                       "property float nz\nproperty uchar red\n"),
            std::string::npos);
  for (size_t size = 0; size < bytes.size(); ++size) {
    folder.write("c.ply", bytes.substr(0, size));
    EXPECT_THROW(read_ply(folder.file("c.ply")), IoError) << size << " bytes";
  }
}

// The bytes that other programs rely on, written out by hand.
TEST(Ply, HeaderAndFirstVertexAreAsTheFormatSays) {
  TemporaryFolder folder;
  write_ply(folder.file("a.ply"), two_points());
  const std::string bytes = read_bytes(folder.file("a.ply"));
  EXPECT_EQ(bytes.rfind("ply\nformat binary_little_endian 1.0\n", 0), 0u);
  const size_t end = bytes.find("end_header\n");
  ASSERT_NE(end, std::string::npos);
  const std::string header = bytes.substr(0, end);
  EXPECT_NE(header.find("element vertex 2\nproperty float x\nproperty float y\nproperty float z\n"
                        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
                        "property float confidence\n"),
            std::string::npos);
  const std::string data = bytes.substr(end + 11);
  ASSERT_EQ(data.size(), 2u * 19);
  const unsigned char first[19] = {0,
                                   0,
                                   0x80,
                                   0x3F,
                                   0,
                                   0,
                                   0x20,
                                   0xC0,
                                   0,
                                   0,
                                   0x40,
                                   0x40,  // 1 -2.5 3
                                   0,
                                   127,
                                   255,
                                   0,
                                   0,
                                   0xC0,
                                   0x3F};  // 1.5
  EXPECT_EQ(data.substr(0, 19), std::string(reinterpret_cast<const char*>(first), 19));
}

TEST(Ply, AnEmptyCloudIsAFileWithoutVertices) {
  TemporaryFolder folder;
  write_ply(folder.file("a.ply"), {});
  EXPECT_EQ(read_ply(folder.file("a.ply")).size(), 0);
}

// More than the writer's buffer, and not a multiple of it.
TEST(Ply, ManyPointsSurviveTheBuffer) {
  TemporaryFolder folder;
  const int64_t n = 123457;
  PointCloud cloud;
  cloud.position = at::arange(3 * n, at::kFloat).view({n, 3});
  cloud.colour = at::arange(3 * n, at::kInt).remainder(251).to(at::kByte).view({n, 3});
  cloud.confidence = at::arange(n, at::kFloat) + 1;
  write_ply(folder.file("a.ply"), cloud);
  const PointCloud read = read_ply(folder.file("a.ply"));
  EXPECT_TRUE(at::equal(read.position, cloud.position));
  EXPECT_TRUE(at::equal(read.colour, cloud.colour));
  EXPECT_TRUE(at::equal(read.confidence, cloud.confidence));
}

TEST(Ply, EveryTruncationIsAnIoError) {
  TemporaryFolder folder;
  write_ply(folder.file("a.ply"), two_points());
  const std::string bytes = read_bytes(folder.file("a.ply"));
  for (size_t size = 0; size < bytes.size(); ++size) {
    folder.write("b.ply", bytes.substr(0, size));
    EXPECT_THROW(read_ply(folder.file("b.ply")), IoError) << size << " bytes";
  }
}

TEST(Ply, HostileFilesAreNamedWithTheReason) {
  TemporaryFolder folder;
  write_ply(folder.file("a.ply"), two_points());
  const std::string good = read_bytes(folder.file("a.ply"));
  const auto error_for = [&](const std::string& bytes) {
    folder.write("b.ply", bytes);
    return message_of<IoError>([&] { read_ply(folder.file("b.ply")); });
  };
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string bytes = good;
    return bytes.replace(bytes.find(from), from.size(), to);
  };
  EXPECT_NE(error_for(with("vertex 2", "vertex 999999999999999999")).find("element vertex"),
            std::string::npos);
  EXPECT_NE(error_for(with("vertex 2", "vertex -2")).find("element vertex"), std::string::npos);
  EXPECT_NE(error_for(with("vertex 2", "vertex 1")).find("too long"), std::string::npos);
  EXPECT_NE(error_for(with("float y", "double y")).find("header"), std::string::npos);
  EXPECT_NE(error_for(with("little", "big")).find("header"), std::string::npos);
}

TEST(Ply, UnwritableAndMissingFilesAreIoErrors) {
  TemporaryFolder folder;
  EXPECT_THROW(write_ply(folder.file("none/a.ply"), two_points()), IoError);
  EXPECT_THROW(read_ply(folder.file("none.ply")), IoError);
  EXPECT_THROW(read_ply(folder.path()), IoError);
}

TEST(Ply, AFullDiskIsAnIoError) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  EXPECT_NE(message_of<IoError>([] { write_ply("/dev/full", two_points()); }).find("No space left"),
            std::string::npos);
}

}  // namespace
}  // namespace vggt
