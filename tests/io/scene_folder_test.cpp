// SPDX-License-Identifier: Apache-2.0
#include "src/io/scene_folder.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <string>

namespace vggt {
namespace {

using ::testing::HasSubstr;

SceneCameras two_frames() {
  const double c = std::cos(0.3);
  const double s = std::sin(0.3);
  Camera camera = {.width_px = 640,
                   .height_px = 480,
                   .fx_px = 500.1,
                   .fy_px = 1000.0 / 3,
                   .cx_px = 320,
                   .cy_px = 240.25,
                   .rotation = {c, -s, 0, s, c, 0, 0, 0, 1},
                   .translation = {0.1, -2, 1.0 / 7}};
  SceneCameras scene = {.metric_scale = true, .pose_source = "a test", .depth_scale = 1000.0 / 3};
  scene.frames.push_back({"a photo.jpg", "depth/a photo.png", camera});
  camera.rotation = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  scene.frames.push_back({"b/\xC3\xA9.png", "", camera});
  return scene;
}

void expect_equal(const SceneCameras& a, const SceneCameras& b) {
  EXPECT_EQ(a.metric_scale, b.metric_scale);
  EXPECT_EQ(a.pose_source, b.pose_source);
  EXPECT_EQ(a.depth_scale, b.depth_scale);
  ASSERT_EQ(a.frames.size(), b.frames.size());
  for (size_t i = 0; i < a.frames.size(); ++i) {
    const Camera& of_a = a.frames[i].camera;
    const Camera& of_b = b.frames[i].camera;
    EXPECT_EQ(a.frames[i].file, b.frames[i].file);
    EXPECT_EQ(a.frames[i].depth, b.frames[i].depth);
    EXPECT_EQ(of_a.width_px, of_b.width_px);
    EXPECT_EQ(of_a.height_px, of_b.height_px);
    EXPECT_EQ(of_a.fx_px, of_b.fx_px);
    EXPECT_EQ(of_a.fy_px, of_b.fy_px);
    EXPECT_EQ(of_a.cx_px, of_b.cx_px);
    EXPECT_EQ(of_a.cy_px, of_b.cy_px);
    EXPECT_EQ(of_a.rotation, of_b.rotation);
    EXPECT_EQ(of_a.translation, of_b.translation);
  }
}

TEST(SceneFolder, ReadsBackWhatItWrote) {
  TemporaryFolder folder;
  write_scene_cameras(folder.path(), two_frames());
  expect_equal(read_scene_cameras(folder.path()), two_frames());
}

// The format's description, field by field.
TEST(SceneFolder, HasTheFormatsFields) {
  TemporaryFolder folder;
  write_scene_cameras(folder.path(), two_frames());
  const auto root = nlohmann::json::parse(read_bytes(folder.file("cameras.json")));
  EXPECT_EQ(root["convention"], "opencv_world_to_camera");
  EXPECT_EQ(root["pixel_origin"], "top_left_corner");
  EXPECT_EQ(root["metric_scale"], true);
  EXPECT_EQ(root["pose_source"], "a test");
  EXPECT_EQ(root["depth_scale"], 1000.0 / 3);
  const auto& frame = root["frames"][0];
  EXPECT_EQ(frame["file"], "a photo.jpg");
  EXPECT_EQ(frame["depth"], "depth/a photo.png");
  EXPECT_EQ(frame["width"], 640);
  EXPECT_EQ(frame["fy"], 1000.0 / 3);
  EXPECT_EQ(frame["R"][1][0], std::sin(0.3));
  EXPECT_EQ(frame["t"][2], 1.0 / 7);
  EXPECT_FALSE(root["frames"][1].contains("depth"));
}

TEST(SceneFolder, LeavesOutTheScaleOfDepthThatIsNotThere) {
  TemporaryFolder folder;
  SceneCameras scene = two_frames();
  scene.depth_scale = 0;
  scene.frames[0].depth.clear();
  write_scene_cameras(folder.path(), scene);
  EXPECT_THAT(read_bytes(folder.file("cameras.json")), ::testing::Not(HasSubstr("depth")));
  expect_equal(read_scene_cameras(folder.path()), scene);
}

TEST(SceneFolder, ReadsTheBundledScenes) {
  const SceneCameras loft = read_scene_cameras("examples/scenes/hololens_loft");
  EXPECT_TRUE(loft.metric_scale);
  EXPECT_TRUE(loft.frames[0].depth.empty()) << "its depth maps are not bundled";
  EXPECT_EQ(loft.frames.size(), 40u);
  EXPECT_EQ(loft.frames[0].file, "00063.jpg");
  EXPECT_EQ(loft.frames[0].camera.width_px, 540);
  const SceneCameras beach = read_scene_cameras("examples/scenes/brighton_beach");
  EXPECT_EQ(beach.depth_scale, 0);
  EXPECT_EQ(beach.frames.size(), 18u);
}

TEST(SceneFolder, PassesOverUnknownKeys) {
  TemporaryFolder folder;
  write_scene_cameras(folder.path(), two_frames());
  auto root = nlohmann::json::parse(read_bytes(folder.file("cameras.json")));
  root["made_by"] = {{"nobody", 3}};
  root["frames"][0]["R_sensor"] = "x";
  folder.write("cameras.json", root.dump());
  expect_equal(read_scene_cameras(folder.path()), two_frames());
}

TEST(SceneFolder, EveryTruncationIsAnIoError) {
  TemporaryFolder folder;
  write_scene_cameras(folder.path(), two_frames());
  const std::string bytes = read_bytes(folder.file("cameras.json"));
  // The last byte is a line end.
  for (size_t size = 0; size + 1 < bytes.size(); ++size) {
    folder.write("cameras.json", bytes.substr(0, size));
    EXPECT_THROW(read_scene_cameras(folder.path()), IoError) << size << " bytes";
  }
}

TEST(SceneFolder, HostileFilesAreNamedWithFrameAndField) {
  TemporaryFolder folder;
  write_scene_cameras(folder.path(), two_frames());
  const auto good = nlohmann::json::parse(read_bytes(folder.file("cameras.json")));
  const auto error_of = [&](const nlohmann::json& bad) {
    folder.write("cameras.json", bad.dump());
    return message_of<IoError>([&] { read_scene_cameras(folder.path()); });
  };
  const auto error_with = [&](const char* pointer, const nlohmann::json& value) {
    nlohmann::json bad = good;
    bad[nlohmann::json::json_pointer(pointer)] = value;
    return error_of(bad);
  };
  EXPECT_THAT(error_with("/convention", "opengl"),
              HasSubstr("cameras.json: convention is \"opengl\""));
  EXPECT_THAT(error_with("/pixel_origin", "first_pixel_centre"), HasSubstr("pixel_origin is"));
  EXPECT_THAT(error_with("/metric_scale", 1), HasSubstr("metric_scale is neither"));
  EXPECT_THAT(error_with("/pose_source", nullptr), HasSubstr("pose_source is no string"));
  EXPECT_THAT(error_with("/depth_scale", 0), HasSubstr("depth_scale must be positive"));
  EXPECT_THAT(error_with("/frames", 3), HasSubstr("frames is no list"));
  EXPECT_THAT(error_with("/frames/1", "x"), HasSubstr("frame 1: it is no object"));
  EXPECT_THAT(error_with("/frames/0/file", 3), HasSubstr("frame 0: file is no string"));
  EXPECT_THAT(error_with("/frames/0/file", ""), HasSubstr("frame 0: file is empty"));
  EXPECT_THAT(error_with("/frames/0/depth", 3), HasSubstr("frame 0: depth is no string"));
  EXPECT_THAT(error_with("/frames/1/width", 0), HasSubstr("frame 1: width is no size"));
  EXPECT_THAT(error_with("/frames/1/height", 2.5), HasSubstr("frame 1: height is no size"));
  EXPECT_THAT(error_with("/frames/1/fx", -1), HasSubstr("frame 1: fx, fy must be positive"));
  EXPECT_THAT(error_with("/frames/1/cx", nullptr), HasSubstr("frame 1: cx is no number"));
  EXPECT_THAT(error_with("/frames/1/t", {1, 2}), HasSubstr("frame 1: t is no list of 3"));
  EXPECT_THAT(error_with("/frames/1/R/2", {1, 2}), HasSubstr("frame 1: R is not 3 x 3"));
  EXPECT_THAT(error_with("/frames/1/R/0/1", 2e-12),
              HasSubstr("frame 1: R is not orthonormal to 1e-12"));
  EXPECT_THAT(error_with("/frames/1/R/2/2", -1), HasSubstr("frame 1: R is a reflection"));
  for (const char* field : {"width", "fx", "R", "t", "file"}) {
    nlohmann::json bad = good;
    bad["frames"][1].erase(field);
    EXPECT_THAT(error_of(bad), HasSubstr(std::string("frame 1: ") + field + " is missing"));
  }
  nlohmann::json bad = good;
  bad.erase("depth_scale");
  EXPECT_THAT(error_of(bad), HasSubstr("frame 0: depth is given, but depth_scale is missing"));
  folder.write("cameras.json", std::string(100000, '['));
  EXPECT_THROW(read_scene_cameras(folder.path()), IoError);
  EXPECT_THROW(read_scene_cameras(folder.file("none")), IoError);
}

TEST(SceneFolder, WritesNothingThatItWouldNotRead) {
  TemporaryFolder folder;
  SceneCameras scene = two_frames();
  scene.frames[1].camera.translation[1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(message_of<IoError>([&] { write_scene_cameras(folder.path(), scene); }),
              HasSubstr("frame 1: t is no number"));
  scene = two_frames();
  scene.frames[0].camera.rotation[0] = 0.5;
  EXPECT_THAT(message_of<IoError>([&] { write_scene_cameras(folder.path(), scene); }),
              HasSubstr("frame 0: R is not orthonormal"));
  EXPECT_THROW(read_bytes(folder.file("cameras.json")), std::runtime_error);
}

}  // namespace
}  // namespace vggt
