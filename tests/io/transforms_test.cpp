// SPDX-License-Identifier: Apache-2.0
#include "src/io/transforms.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include <numbers>
#include <string>

namespace vggt {
namespace {

Camera tilted_camera() {
  Camera camera = {.width_px = 640,
                   .height_px = 480,
                   .fx_px = 500.1,
                   .fy_px = 1000.0 / 3,
                   .cx_px = 320,
                   .cy_px = 240.25};
  // A quarter turn about z, then an eighth about x.
  const double s = std::numbers::sqrt2 / 2;
  camera.rotation = {0, -1, 0, s, 0, -s, s, 0, s};
  camera.translation = {0.1, -2, 3};
  return camera;
}

TransformsFile two_frames() {
  return {{frame_from_camera("images/a photo.jpg", tilted_camera()),
           frame_from_camera("/data/\xC3\xA9.png", Camera{640, 480, 1, 2, 3, 4})},
          "points.ply"};
}

void expect_equal(const TransformsFile& a, const TransformsFile& b) {
  EXPECT_EQ(a.ply_file_path, b.ply_file_path);
  ASSERT_EQ(a.frames.size(), b.frames.size());
  for (size_t i = 0; i < a.frames.size(); ++i) {
    EXPECT_EQ(a.frames[i].file_path, b.frames[i].file_path);
    EXPECT_EQ(a.frames[i].width_px, b.frames[i].width_px);
    EXPECT_EQ(a.frames[i].height_px, b.frames[i].height_px);
    EXPECT_EQ(a.frames[i].fx_px, b.frames[i].fx_px);
    EXPECT_EQ(a.frames[i].fy_px, b.frames[i].fy_px);
    EXPECT_EQ(a.frames[i].cx_px, b.frames[i].cx_px);
    EXPECT_EQ(a.frames[i].cy_px, b.frames[i].cy_px);
    EXPECT_EQ(a.frames[i].transform_matrix, b.frames[i].transform_matrix);
  }
}

TEST(Transforms, ReadsBackWhatItWrote) {
  TemporaryFolder folder;
  write_transforms(folder.file("transforms.json"), two_frames());
  expect_equal(read_transforms(folder.file("transforms.json")), two_frames());
}

TEST(Transforms, FramesAndCamerasAgree) {
  const Camera camera = tilted_camera();
  const Camera back = camera_from_frame(frame_from_camera("a.jpg", camera));
  EXPECT_EQ(back.width_px, camera.width_px);
  EXPECT_EQ(back.fy_px, camera.fy_px);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(back.rotation[i], camera.rotation[i]);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(back.translation[i], camera.translation[i], 1e-15);
}

// A camera that looks along the world's x axis with the world's z up, from (1, 2, 3): what OpenGL
// says of it, written down by hand.
TEST(Transforms, TheMatrixIsWorldFromCameraInOpenGlAxes) {
  Camera camera;
  camera.rotation = {0, -1, 0, 0, 0, -1, 1, 0, 0};
  camera.translation = {2, 3, -1};
  const std::array<double, 16> expected = {0, 0, -1, 1, -1, 0, 0, 2, 0, 1, 0, 3, 0, 0, 0, 1};
  const auto matrix = frame_from_camera("a.jpg", camera).transform_matrix;
  for (int i = 0; i < 16; ++i) EXPECT_EQ(matrix[i], expected[i]) << i;
}

// What nerfstudio 1.1.5's loader asks for.
TEST(Transforms, HasNerfstudiosFields) {
  TemporaryFolder folder;
  write_transforms(folder.file("transforms.json"), two_frames());
  const auto root = nlohmann::json::parse(read_bytes(folder.file("transforms.json")));
  EXPECT_EQ(root["camera_model"], "OPENCV");
  for (const char* field : {"k1", "k2", "p1", "p2"}) EXPECT_EQ(root[field], 0) << field;
  EXPECT_FALSE(root.contains("applied_transform"));
  EXPECT_EQ(root["ply_file_path"], "points.ply");
  const auto& frame = root["frames"][0];
  EXPECT_EQ(frame["file_path"], "images/a photo.jpg");
  EXPECT_EQ(frame["w"], 640);
  EXPECT_EQ(frame["fl_x"], 500.1);
  EXPECT_EQ(frame["transform_matrix"].size(), 4u);
  EXPECT_EQ(frame["transform_matrix"][3], nlohmann::json({0, 0, 0, 1}));
}

TEST(Transforms, IntrinsicsMayStandBesideTheFrames) {
  TemporaryFolder folder;
  folder.write("a.json", R"({"w": 640.0, "h": 480, "fl_x": 5, "fl_y": 6, "cx": 7, "cy": 8,
    "frames": [{"file_path": "a", "fl_x": 9,
    "transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]}]})");
  const TransformsFile read = read_transforms(folder.file("a.json"));
  EXPECT_EQ(read.frames.at(0).width_px, 640);
  EXPECT_EQ(read.frames.at(0).fx_px, 9);
  EXPECT_EQ(read.frames.at(0).cy_px, 8);
  EXPECT_EQ(read.ply_file_path, "");
}

TEST(Transforms, ANameThatIsNoUtf8IsStillValidJson) {
  TemporaryFolder folder;
  write_transforms(folder.file("a.json"), {{frame_from_camera("a\xFF.jpg", tilted_camera())}, ""});
  EXPECT_EQ(read_transforms(folder.file("a.json")).frames.at(0).file_path, "a\xEF\xBF\xBD.jpg");
}

TEST(Transforms, EveryTruncationIsAnIoError) {
  TemporaryFolder folder;
  write_transforms(folder.file("a.json"), two_frames());
  const std::string bytes = read_bytes(folder.file("a.json"));
  // The last byte is a line end.
  for (size_t size = 0; size + 1 < bytes.size(); ++size) {
    folder.write("b.json", bytes.substr(0, size));
    EXPECT_THROW(read_transforms(folder.file("b.json")), IoError) << size << " bytes";
  }
}

TEST(Transforms, HostileFilesAreNamedWithFrameAndField) {
  TemporaryFolder folder;
  write_transforms(folder.file("a.json"), two_frames());
  const auto good = nlohmann::json::parse(read_bytes(folder.file("a.json")));
  const auto error_with = [&](const char* pointer, const nlohmann::json& value) {
    nlohmann::json bad = good;
    bad[nlohmann::json::json_pointer(pointer)] = value;
    folder.write("b.json", bad.dump());
    return message_of<IoError>([&] { read_transforms(folder.file("b.json")); });
  };
  const auto expect = [](const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect(error_with("/frames", "x"), "frames is missing or no list");
  expect(error_with("/frames/1", 3), "frame 1");
  expect(error_with("/frames/0/file_path", 3), "frame 0: file_path is no string");
  expect(error_with("/frames/0/w", -3), "w is no size");
  expect(error_with("/frames/0/w", 1e300), "w is no size");
  expect(error_with("/frames/0/h", 2.5), "h is no size");
  expect(error_with("/frames/0/fl_x", 0), "fl_x, fl_y must be positive");
  expect(error_with("/frames/0/cx", nullptr), "cx is no number");
  expect(error_with("/frames/0/transform_matrix/2/1", 2), "is no rotation");
  expect(error_with("/frames/0/transform_matrix/3", {1, 2}), "is not 4 x 4");
  expect(error_with("/camera_model", "OPENCV_FISHEYE"), "camera_model");
  expect(error_with("/k1", 0.1), "k1 is not 0");
  expect(error_with("/frames/1/p2", 0.1), "frame 1: p2 is not 0");
  expect(error_with("/ply_file_path", 1), "ply_file_path");
  folder.write("b.json", std::string(100000, '['));
  EXPECT_THROW(read_transforms(folder.file("b.json")), IoError);
  EXPECT_THROW(read_transforms(folder.file("none.json")), IoError);
}

}  // namespace
}  // namespace vggt
