// SPDX-License-Identifier: Apache-2.0
#include "src/io/known_cameras.h"

#include "src/base/error.h"
#include "src/io/colmap.h"
#include "src/io/scene_folder.h"
#include "src/io/transforms.h"
#include "src/io/tum.h"
#include "tests/support/camera_path.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace vggt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<std::string> kNames = {"a.jpg", "b.jpg", "c.jpg"};
constexpr double kRounding = 1e-12;

// Where camera i stands and looks.
Rigid pose(int i) {
  return {testing::rotation_about({1, 0.5 * i, -0.3}, 0.4 + 0.7 * i), {0.5 * i, -1, 2.0 + i}};
}

void expect_pose(const std::optional<Rigid>& actual, const Rigid& expected) {
  ASSERT_TRUE(actual);
  for (size_t k = 0; k < 9; ++k) EXPECT_NEAR(actual->rotation[k], expected.rotation[k], kRounding);
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(actual->translation[k], expected.translation[k], kRounding);
  }
}

// A quarter turn about y, in the file's order.
const Rigid kTurned = {{0, 0, 1, 0, 1, 0, -1, 0, 0}, {1, 2, 3}};
constexpr double kHalf = 0.70710678118654752440;

ColmapModel colmap_model(const std::vector<std::string>& names) {
  ColmapModel model;
  model.cameras = {{7, 400, 300, 310, 320, 201, 149}};
  for (size_t i = 0; i < names.size(); ++i) {
    model.images.push_back({.id = static_cast<uint32_t>(i + 1),
                            .rotation_wxyz = {kHalf, 0, kHalf, 0},
                            .translation = {1, 2, 3.0 + static_cast<double>(i)},
                            .camera_id = 7,
                            .name = names[i]});
  }
  return model;
}

TEST(KnownPoses, AreReadFromColmapByNameWhereverTheModelLies) {
  for (const char* place : {"", "sparse", "sparse/0"}) {
    for (const bool text : {false, true}) {
      TemporaryFolder folder;
      const std::string model = folder.file(place);
      std::filesystem::create_directories(model);
      // The names as they are, in folders, and one that is not among the photos.
      const ColmapModel written = colmap_model({"c.jpg", "left/a.jpg", "z.jpg"});
      text ? write_colmap_text(model, written) : write_colmap(model, written);
      const KnownPoses poses = read_known_poses(folder.file(""), kNames);
      ASSERT_EQ(poses.size(), 3U);
      Rigid expected = kTurned;
      expect_pose(poses[2], expected);
      expected.translation[2] = 4;
      expect_pose(poses[0], expected);
      EXPECT_FALSE(poses[1]);
      const KnownLenses lenses = read_known_lenses(folder.file(""), kNames);
      ASSERT_TRUE(lenses[0]);
      EXPECT_EQ(lenses[0]->width_px, 400);
      EXPECT_EQ(lenses[0]->fy_px, 320);
      EXPECT_EQ(lenses[0]->cx_px, 201);
      EXPECT_FALSE(lenses[1]);
    }
  }
}

TEST(KnownPoses, AreReadFromTransforms) {
  TemporaryFolder folder;
  TransformsFile file;
  for (int i = 0; i < 2; ++i) {
    const Camera camera = placed(Camera{.width_px = 400,
                                        .height_px = 300,
                                        .fx_px = 310.0 + i,
                                        .fy_px = 320,
                                        .cx_px = 201,
                                        .cy_px = 149},
                                 pose(i));
    file.frames.push_back(frame_from_camera("../images/" + kNames[static_cast<size_t>(i)], camera));
  }
  write_transforms(folder.file("transforms.json"), file);
  const KnownPoses poses = read_known_poses(folder.file("transforms.json"), kNames);
  expect_pose(poses[0], pose(0));
  expect_pose(poses[1], pose(1));
  EXPECT_FALSE(poses[2]);
  EXPECT_EQ(read_known_lenses(folder.file("transforms.json"), kNames)[1]->fx_px, 311);
}

TEST(KnownPoses, AreReadFromAScenesCameras) {
  const std::string file = "examples/scenes/brighton_beach/cameras.json";
  const SceneCameras scene = read_scene_cameras("examples/scenes/brighton_beach");
  const std::string name = scene.frames.at(2).file;
  const KnownPoses poses = read_known_poses(file, {"none.jpg", name});
  EXPECT_FALSE(poses[0]);
  expect_pose(poses[1], cam_from_world(scene.frames[2].camera));
  EXPECT_EQ(read_known_lenses(file, {name})[0]->fx_px, scene.frames[2].camera.fx_px);
}

TEST(KnownPoses, AreReadFromATrajectoryByNumber) {
  TemporaryFolder folder;
  // world_from_cam: a quarter turn about y, standing at (1, 2, 3).
  write_tum(folder.file("poses.txt"),
            {{2, {1, 2, 3}, {0, kHalf, 0, kHalf}}, {9, {}, {0, 0, 0, 1}}});
  const KnownPoses poses = read_known_poses(folder.file("poses.txt"), kNames);
  EXPECT_FALSE(poses[0]);
  expect_pose(poses[2], inverse(kTurned));
}

std::string complaint(const std::string& path) {
  return message_of<IoError>([&] { read_known_poses(path, kNames); });
}

TEST(KnownPoses, SayWhatIsWrongWithAFile) {
  TemporaryFolder folder;
  EXPECT_THAT(complaint(folder.file("none.txt")), HasSubstr("none.txt"));
  EXPECT_THAT(complaint(folder.file("")),
              AllOf(HasSubstr("no COLMAP model"), HasSubstr("sparse/0")));
  folder.write("nan.txt", "0 1 nan 3 0 0 0 1\n");
  EXPECT_THAT(complaint(folder.file("nan.txt")), HasSubstr("nan.txt"));
  folder.write("time.txt", "1305031102.17 0 0 0 0 0 0 1\n");
  EXPECT_THAT(complaint(folder.file("time.txt")), HasSubstr("timestamp 1305031102.17"));
  folder.write("twice.txt", "1 0 0 0 0 0 0 1\n1 0 0 1 0 0 0 1\n");
  EXPECT_THAT(complaint(folder.file("twice.txt")), HasSubstr("two poses for photo 1"));
  folder.write("other.txt", "5 0 0 0 0 0 0 1\n");
  EXPECT_THAT(complaint(folder.file("other.txt")), HasSubstr("none of the 3 photos"));
  EXPECT_THAT(message_of<IoError>([&] { read_known_lenses(folder.file("other.txt"), kNames); }),
              HasSubstr("intrinsics"));
}

TEST(KnownPoses, SayWhichPhotosWereSoughtAndWhichAreThere) {
  TemporaryFolder folder;
  write_colmap(folder.file(""), colmap_model({"x.png"}));
  EXPECT_THAT(complaint(folder.file("")), AllOf(HasSubstr("a.jpg"), HasSubstr("x.png")));
  write_colmap(folder.file(""), colmap_model({"left/a.jpg", "right/a.jpg"}));
  EXPECT_THAT(complaint(folder.file("")),
              AllOf(HasSubstr("2 cameras"), HasSubstr("left/a.jpg"), HasSubstr("right/a.jpg")));
}

}  // namespace
}  // namespace vggt
