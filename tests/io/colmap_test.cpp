// SPDX-License-Identifier: Apache-2.0
#include "src/io/colmap.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace vggt {
namespace {

ColmapModel small_model() {
  ColmapModel model;
  model.cameras = {{1, 640, 480, 500.5, 501.25, 320, 240}, {7, 480, 640, 400, 400, 240, 320}};
  model.images.resize(2);
  model.images[0] = {1, {0.5, 0.5, -0.5, 0.5}, {1, 2, 3}, 7, "a photo.jpg", {}};
  model.images[0].observations = {{10.5, 20.25, 3}, {1, 2, ColmapModel::kNoPoint}};
  model.images[1] = {2, {1, 0, 0, 0}, {-1, 0, 0.125}, 1, "b.png", {{5, 6, 3}}};
  model.points = {{3, {0.5, -0.25, 8}, {255, 128, 1}, 0.75, {{1, 0}, {2, 0}}}};
  return model;
}

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

TEST(Colmap, ReadsBackWhatItWrote) {
  TemporaryFolder folder;
  const ColmapModel model = small_model();
  write_colmap(folder.path(), model);
  const ColmapModel read = read_colmap(folder.path());
  ASSERT_EQ(read.cameras.size(), 2u);
  EXPECT_EQ(read.cameras[1].id, 7u);
  EXPECT_EQ(read.cameras[0].width_px, 640u);
  EXPECT_EQ(read.cameras[0].height_px, 480u);
  EXPECT_EQ(read.cameras[0].fx_px, 500.5);
  EXPECT_EQ(read.cameras[0].fy_px, 501.25);
  EXPECT_EQ(read.cameras[0].cx_px, 320);
  EXPECT_EQ(read.cameras[0].cy_px, 240);
  ASSERT_EQ(read.images.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(read.images[i].id, model.images[i].id);
    EXPECT_EQ(read.images[i].rotation_wxyz, model.images[i].rotation_wxyz);
    EXPECT_EQ(read.images[i].translation, model.images[i].translation);
    EXPECT_EQ(read.images[i].camera_id, model.images[i].camera_id);
    EXPECT_EQ(read.images[i].name, model.images[i].name);
  }
  ASSERT_EQ(read.images[0].observations.size(), 2u);
  EXPECT_EQ(read.images[0].observations[0].x_px, 10.5);
  EXPECT_EQ(read.images[0].observations[0].y_px, 20.25);
  EXPECT_EQ(read.images[0].observations[1].point_id, ColmapModel::kNoPoint);
  ASSERT_EQ(read.points.size(), 1u);
  EXPECT_EQ(read.points[0].id, 3u);
  EXPECT_EQ(read.points[0].position, model.points[0].position);
  EXPECT_EQ(read.points[0].rgb, model.points[0].rgb);
  EXPECT_EQ(read.points[0].error_px, 0.75);
  ASSERT_EQ(read.points[0].track.size(), 2u);
  EXPECT_EQ(read.points[0].track[1].image_id, 2u);
  EXPECT_EQ(read.points[0].track[1].observation, 0u);
}

// The layout that COLMAP documents, spelled out field by field.
TEST(Colmap, BytesAreColmaps) {
  TemporaryFolder folder;
  ColmapModel model;
  model.cameras = {{5, 640, 480, 500, 501, 320, 240}};
  model.images = {{9, {1, 0, 0, 0}, {1, 2, 3}, 5, "x", {{4, 6, 11}}}};
  model.points = {{11, {7, 8, 9}, {1, 2, 3}, 0.5, {{9, 0}}}};
  write_colmap(folder.path(), model);

  std::string cameras;
  append<uint64_t>(cameras, 1);
  append<uint32_t>(cameras, 5);
  append<int32_t>(cameras, 1);  // PINHOLE
  append<uint64_t>(cameras, 640);
  append<uint64_t>(cameras, 480);
  for (const double parameter : {500, 501, 320, 240}) append(cameras, parameter);
  EXPECT_EQ(read_bytes(folder.file("cameras.bin")), cameras);

  std::string images;
  append<uint64_t>(images, 1);
  append<uint32_t>(images, 9);
  for (const double component : {1, 0, 0, 0, 1, 2, 3}) append(images, component);
  append<uint32_t>(images, 5);
  images.append("x\0", 2);
  append<uint64_t>(images, 1);
  append<double>(images, 4);
  append<double>(images, 6);
  append<uint64_t>(images, 11);
  EXPECT_EQ(read_bytes(folder.file("images.bin")), images);

  std::string points;
  append<uint64_t>(points, 1);
  append<uint64_t>(points, 11);
  for (const double coordinate : {7, 8, 9}) append(points, coordinate);
  points.append("\x01\x02\x03", 3);
  append<double>(points, 0.5);
  append<uint64_t>(points, 1);
  append<uint32_t>(points, 9);
  append<uint32_t>(points, 0);
  EXPECT_EQ(read_bytes(folder.file("points3D.bin")), points);
}

TEST(Colmap, AnEmptyModelWorks) {
  TemporaryFolder folder;
  write_colmap(folder.path(), {});
  EXPECT_TRUE(read_colmap(folder.path()).cameras.empty());
}

TEST(Colmap, EveryTruncationIsAnIoError) {
  TemporaryFolder folder;
  for (const char* name : {"cameras.bin", "images.bin", "points3D.bin"}) {
    write_colmap(folder.path(), small_model());
    const std::string bytes = read_bytes(folder.file(name));
    for (size_t size = 0; size < bytes.size(); ++size) {
      folder.write(name, bytes.substr(0, size));
      EXPECT_THROW(read_colmap(folder.path()), IoError) << name << ", " << size << " bytes";
    }
    folder.write(name, bytes + "x");
    EXPECT_THROW(read_colmap(folder.path()), IoError) << name;
  }
}

class ColmapHostile : public testing::Test {
 protected:
  // The message for a model with `value` at `offset` of one file.
  template <typename T>
  std::string error_with(const char* name, size_t offset, T value) {
    write_colmap(folder_.path(), small_model());
    std::string bytes = read_bytes(folder_.file(name));
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
    folder_.write(name, bytes);
    return message_of<IoError>([&] { read_colmap(folder_.path()); });
  }

  TemporaryFolder folder_;
};

constexpr size_t kFirstImage = 8;
constexpr size_t kFirstName = kFirstImage + 4 + 7 * 8 + 4;
constexpr size_t kFirstObservations = kFirstName + sizeof("a photo.jpg");
constexpr size_t kTrackLength = 8 + 8 + 3 * 8 + 3 + 8;

TEST_F(ColmapHostile, CountsBeyondTheFile) {
  const uint64_t huge = ~uint64_t{0} / 2;
  EXPECT_NE(error_with("cameras.bin", 0, huge).find("number of cameras"), std::string::npos);
  EXPECT_NE(error_with("images.bin", 0, huge).find("number of images"), std::string::npos);
  EXPECT_NE(error_with("points3D.bin", 0, huge).find("number of 3D points"), std::string::npos);
  EXPECT_NE(error_with("images.bin", kFirstObservations, huge).find("2D points"),
            std::string::npos);
  EXPECT_NE(error_with("points3D.bin", kTrackLength, huge).find("track length"), std::string::npos);
}

TEST_F(ColmapHostile, AnotherCameraModel) {
  EXPECT_NE(error_with<int32_t>("cameras.bin", 12, 2).find("model 2"), std::string::npos);
  EXPECT_NE(error_with<int32_t>("cameras.bin", 12, -1).find("model -1"), std::string::npos);
}

TEST_F(ColmapHostile, ANameWithoutEnd) {
  write_colmap(folder_.path(), small_model());
  std::string bytes = read_bytes(folder_.file("images.bin")).substr(0, kFirstName);
  folder_.write("images.bin", bytes + std::string(100, 'n'));
  EXPECT_NE(
      message_of<IoError>([&] { read_colmap(folder_.path()); }).find("ends within image name"),
      std::string::npos);
  folder_.write("images.bin", bytes + std::string(100000, 'n'));
  EXPECT_NE(message_of<IoError>([&] { read_colmap(folder_.path()); }).find("image name is longer"),
            std::string::npos);
}

TEST_F(ColmapHostile, IdsThatOccurTwiceOrNotAtAll) {
  EXPECT_NE(error_with<uint32_t>("cameras.bin", 8, 7).find("id 7 occurs twice"), std::string::npos);
  EXPECT_NE(error_with<uint32_t>("images.bin", kFirstName - 4, 8).find("camera 8"),
            std::string::npos);
  EXPECT_NE(error_with<uint64_t>("images.bin", kFirstObservations + 24, 4).find("3D point 4"),
            std::string::npos);
  EXPECT_NE(error_with<uint32_t>("points3D.bin", kTrackLength + 8, 5).find("image 5"),
            std::string::npos);
  EXPECT_NE(error_with<uint32_t>("points3D.bin", kTrackLength + 12, 2).find("2D point 2"),
            std::string::npos);
}

}  // namespace
}  // namespace vggt
