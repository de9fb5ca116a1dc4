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

void expect_equal(const ColmapModel& a, const ColmapModel& b) {
  ASSERT_EQ(a.cameras.size(), b.cameras.size());
  for (size_t i = 0; i < a.cameras.size(); ++i) {
    EXPECT_EQ(a.cameras[i].id, b.cameras[i].id);
    EXPECT_EQ(a.cameras[i].width_px, b.cameras[i].width_px);
    EXPECT_EQ(a.cameras[i].height_px, b.cameras[i].height_px);
    EXPECT_EQ(a.cameras[i].fx_px, b.cameras[i].fx_px);
    EXPECT_EQ(a.cameras[i].fy_px, b.cameras[i].fy_px);
    EXPECT_EQ(a.cameras[i].cx_px, b.cameras[i].cx_px);
    EXPECT_EQ(a.cameras[i].cy_px, b.cameras[i].cy_px);
  }
  ASSERT_EQ(a.images.size(), b.images.size());
  for (size_t i = 0; i < a.images.size(); ++i) {
    EXPECT_EQ(a.images[i].id, b.images[i].id);
    EXPECT_EQ(a.images[i].rotation_wxyz, b.images[i].rotation_wxyz);
    EXPECT_EQ(a.images[i].translation, b.images[i].translation);
    EXPECT_EQ(a.images[i].camera_id, b.images[i].camera_id);
    EXPECT_EQ(a.images[i].name, b.images[i].name);
    ASSERT_EQ(a.images[i].observations.size(), b.images[i].observations.size());
    for (size_t k = 0; k < a.images[i].observations.size(); ++k) {
      EXPECT_EQ(a.images[i].observations[k].x_px, b.images[i].observations[k].x_px);
      EXPECT_EQ(a.images[i].observations[k].y_px, b.images[i].observations[k].y_px);
      EXPECT_EQ(a.images[i].observations[k].point_id, b.images[i].observations[k].point_id);
    }
  }
  ASSERT_EQ(a.points.size(), b.points.size());
  for (size_t i = 0; i < a.points.size(); ++i) {
    EXPECT_EQ(a.points[i].id, b.points[i].id);
    EXPECT_EQ(a.points[i].position, b.points[i].position);
    EXPECT_EQ(a.points[i].rgb, b.points[i].rgb);
    EXPECT_EQ(a.points[i].error_px, b.points[i].error_px);
    ASSERT_EQ(a.points[i].track.size(), b.points[i].track.size());
    for (size_t k = 0; k < a.points[i].track.size(); ++k) {
      EXPECT_EQ(a.points[i].track[k].image_id, b.points[i].track[k].image_id);
      EXPECT_EQ(a.points[i].track[k].observation, b.points[i].track[k].observation);
    }
  }
}

TEST(Colmap, ReadsBackWhatItWrote) {
  TemporaryFolder folder;
  write_colmap(folder.path(), small_model());
  expect_equal(read_colmap(folder.path()), small_model());
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

TEST_F(ColmapHostile, ASimplePinholeIsReadAsOneWithTwoEqualFocalLengths) {
  std::string bytes;
  append<uint64_t>(bytes, 1);
  append<uint32_t>(bytes, 5);
  append<int32_t>(bytes, 0);  // SIMPLE_PINHOLE
  append<uint64_t>(bytes, 640);
  append<uint64_t>(bytes, 480);
  for (const double parameter : {500, 320, 240}) append(bytes, parameter);
  write_colmap(folder_.path(), {});
  folder_.write("cameras.bin", bytes);
  const ColmapModel::Camera camera = read_colmap(folder_.path()).cameras.at(0);
  EXPECT_EQ(camera.fx_px, 500);
  EXPECT_EQ(camera.fy_px, 500);
  EXPECT_EQ(camera.cx_px, 320);
  EXPECT_EQ(camera.cy_px, 240);
}

class ColmapText : public ColmapHostile {
 protected:
  // The message for a model of which one file is `text`.
  std::string error_of(const char* name, const std::string& text) {
    write_colmap_text(folder_.path(), small_model());
    folder_.write(name, text);
    return message_of<IoError>([&] { read_colmap_text(folder_.path()); });
  }
};

TEST_F(ColmapText, ReadsBackWhatItWrote) {
  ColmapModel model = small_model();
  model.cameras[0].fx_px = 1.0 / 3;
  model.images[0].translation = {5e-324, -1.7976931348623157e308, 0.1};
  model.images[1].name = "below/a folder/\xC3\xA9 .png";
  model.points[0].error_px = 1e-17;
  write_colmap_text(folder_.path(), model);
  expect_equal(read_colmap_text(folder_.path()), model);
}

TEST_F(ColmapText, LinesAreColmaps) {
  write_colmap_text(folder_.path(), small_model());
  const auto records = [&](const char* name) {
    const std::string text = read_bytes(folder_.file(name));
    std::string records;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = text.find('\n', begin) + 1;
      if (text[begin] != '#') records += text.substr(begin, end - begin);
      begin = end;
    }
    return records;
  };
  EXPECT_EQ(records("cameras.txt"),
            "1 PINHOLE 640 480 500.5 501.25 320 240\n7 PINHOLE 480 640 400 400 240 320\n");
  EXPECT_EQ(records("images.txt"),
            "1 0.5 0.5 -0.5 0.5 1 2 3 7 a photo.jpg\n10.5 20.25 3 1 2 -1\n"
            "2 1 0 0 0 -1 0 0.125 1 b.png\n5 6 3\n");
  EXPECT_EQ(records("points3D.txt"), "3 0.5 -0.25 8 255 128 1 0.75 1 0 2 0\n");
}

TEST_F(ColmapText, AnImageThatSeesNothingKeepsItsEmptyLine) {
  ColmapModel model = small_model();
  model.points.clear();
  model.images[0].observations.clear();
  model.images[1].observations.clear();
  write_colmap_text(folder_.path(), model);
  expect_equal(read_colmap_text(folder_.path()), model);
}

TEST_F(ColmapText, TruncationsAreIoErrors) {
  for (const char* name : {"cameras.txt", "images.txt", "points3D.txt"}) {
    write_colmap_text(folder_.path(), small_model());
    const std::string bytes = read_bytes(folder_.file(name));
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_NE(error_of(name, bytes.substr(0, size)), "") << name << ", " << size << " bytes";
    }
  }
}

TEST_F(ColmapText, BadLinesAreNamedWithTheField) {
  const auto expect = [&](const char* name, const std::string& text, const char* part) {
    const std::string message = error_of(name, text);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect("cameras.txt", "1 OPENCV 4 4 1 1 1 1 0 0 0 0\n", "model OPENCV");
  expect("cameras.txt", "1 PINHOLE 4 4 1 1 1\n", "line 1: ends before PARAMS");
  expect("cameras.txt", "1 PINHOLE 4 4 1 1 1 1 1\n", "goes on");
  expect("cameras.txt", "1 PINHOLE 4 -4 1 1 1 1\n", "HEIGHT");
  expect("cameras.txt", "99999999999 PINHOLE 4 4 1 1 1 1\n", "CAMERA_ID");
  expect("images.txt", "1 1 0 0 0 0 0 0 7\n\n", "ends before NAME");
  expect("images.txt", "1 1 0 0 0 0 0 0 7 a.jpg\n", "is missing");
  expect("images.txt", "1 1 0 0 0 0 0 0 7 a.jpg\n1 2\n", "ends before POINT3D_ID");
  expect("images.txt", "1 1 0 0 0 0 0 0 7 a.jpg\n1 2 -2\n", "POINT3D_ID is -2");
  expect("images.txt", "1 1 0 0 0 0 0 0 8 a.jpg\n\n", "camera 8, which is not there");
  expect("points3D.txt", "3 0 0 0 256 0 0 0\n", "R, G, B");
  expect("points3D.txt", "3 0 0 inf 0 0 0 0\n", "X, Y, Z");
  expect("points3D.txt", "3 0 0 0 0 0 0 0 1\n", "ends before POINT2D_IDX");
}

TEST_F(ColmapText, ANameWithALineBreakIsRefused) {
  ColmapModel model = small_model();
  model.images[1].name = "a\nb.jpg";
  EXPECT_NE(message_of<IoError>([&] { write_colmap_text(folder_.path(), model); }).find("image 2"),
            std::string::npos);
}

TEST_F(ColmapText, ASimplePinholeIsReadAsOneWithTwoEqualFocalLengths) {
  write_colmap_text(folder_.path(), {});
  folder_.write("cameras.txt", "# by hand\n1 SIMPLE_PINHOLE 640 480 500 320 240\n");
  const ColmapModel::Camera camera = read_colmap_text(folder_.path()).cameras.at(0);
  EXPECT_EQ(camera.fx_px, 500);
  EXPECT_EQ(camera.fy_px, 500);
  EXPECT_EQ(camera.cx_px, 320);
}

}  // namespace
}  // namespace vggt
