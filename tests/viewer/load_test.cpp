// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "src/base/error.h"
#include "src/io/colmap.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/viewer/result.h"
#include "viewer/scene/ply_file.h"

namespace vggt::viewer {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(LoadResult, PutsPointsOnTheWallWithItsColours) {
  const TemporaryFolder folder;
  write_wall(folder.path());
  size_t steps = 0;
  const Scene scene = load_scene(folder.path(), [&](const Scene&, size_t done, size_t total) {
    EXPECT_EQ(done, ++steps);
    EXPECT_EQ(total, 4U);
    return true;
  });
  EXPECT_EQ(steps, 4U);
  EXPECT_THAT(scene.warnings, testing::IsEmpty());
  ASSERT_EQ(scene.points.size(), 4U * 60 * 40);
  EXPECT_EQ(scene.filter.drop_percent, 10);
  for (size_t i = 0; i < scene.points.size(); ++i) {
    const Vec3f& p = scene.points.position[i];
    const bool on_step = p[2] < 3.5F;
    ASSERT_NEAR(p[2], on_step ? 3 : 4, 1e-4F);
    ASSERT_TRUE(!on_step || p[0] < -1);
    // Of a pixel's mean colour and the two of its neighbours where the step is.
    if (scene.points.edge[i] > 0.1F) continue;
    const Rgb expected = wall_colour(static_cast<double>(p[0]), static_cast<double>(p[1]));
    for (int c = 0; c < 3; ++c) ASSERT_NEAR(scene.points.colour[i][c], expected[c], 3) << i;
  }
}

TEST(LoadResult, CamerasProjectPointsWhereThePhotoShowsThem) {
  const TemporaryFolder folder;
  write_wall(folder.path());
  const Scene scene = load_scene(folder.path());
  for (size_t i = 0; i < scene.points.size(); ++i) {
    const Photo& photo = scene.photos[static_cast<size_t>(scene.points.frame[i])];
    const size_t pixel = i % (60 * 40);
    const Vec3f& p = scene.points.position[i];
    const Projected at = project(photo.camera, {p[0], p[1], p[2]});
    ASSERT_NEAR(at.x_px, (static_cast<double>(pixel % 60) + 0.5) * kPhotoScale, 1e-2);
    ASSERT_NEAR(at.y_px, (static_cast<double>(pixel / 60) + 0.5) * kPhotoScale, 1e-2);
  }
}

TEST(LoadResult, CancelEndsIt) {
  const TemporaryFolder folder;
  write_wall(folder.path());
  EXPECT_THROW(load_scene(folder.path(), [](const Scene&, size_t, size_t) { return false; }),
               Cancelled);
}

TEST(LoadResult, MissingPhotoLeavesGreyPointsAndAWarning) {
  const TemporaryFolder folder;
  write_wall(folder.path());
  fs::remove(folder.file("photos/p1.png"));
  const Scene scene = load_scene(folder.path());
  ASSERT_EQ(scene.warnings.size(), 1U);
  EXPECT_THAT(scene.warnings[0], HasSubstr("p1.png"));
  EXPECT_EQ(scene.points.size(), 4U * 60 * 40);
  EXPECT_EQ(scene.points.colour[60 * 40], (Rgb{128, 128, 128}));
}

TEST(LoadResult, HalfWrittenMapIsNamedAndTheOthersAreShown) {
  const TemporaryFolder folder;
  write_wall(folder.path());
  fs::resize_file(folder.file("depth/p2.npy"), 500);
  fs::remove(folder.file("confidence/p3.npy"));
  const Scene scene = load_scene(folder.path());
  ASSERT_EQ(scene.warnings.size(), 2U);
  EXPECT_THAT(scene.warnings[0], HasSubstr("p2.npy"));
  EXPECT_THAT(scene.warnings[1], HasSubstr("p3.npy"));
  EXPECT_EQ(scene.points.size(), 2U * 60 * 40);
}

TEST(LoadResult, WithoutMapsShowsItsPlyOrSaysWhatIsMissing) {
  const TemporaryFolder folder;
  write_wall(folder.path());
  const Scene whole = load_scene(folder.path());
  fs::remove_all(folder.file("depth"));
  EXPECT_THAT(message_of<IoError>([&] { load_scene(folder.path()); }), HasSubstr("points.ply"));
  write_ply_points(folder.file("points.ply"), whole.points, std::vector<uint32_t>{1, 5});
  EXPECT_EQ(load_scene(folder.path()).points.size(), 2U);
}

TEST(LoadResult, SaysWhichFieldOfTheReportIsWrong) {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& report) {
    folder.write("report.json", report);
    return message_of<IoError>([&] { load_scene(folder.path()); });
  };
  EXPECT_THAT(message(""), HasSubstr("report.json"));
  EXPECT_THAT(message("{\"network_input\": "), HasSubstr("report.json"));
  EXPECT_THAT(message("{}"), HasSubstr("network_input"));
  EXPECT_THAT(message(R"({"network_input": {"width_px": 4, "height_px": 4}, "photos": []})"),
              HasSubstr("photos"));
  EXPECT_THAT(message(R"({"network_input": {"width_px": 4, "height_px": 4}, "photos": [{}]})"),
              HasSubstr("name"));
}

TEST(LoadScene, SaysWhatAPathLacks) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<IoError>([&] { load_scene(folder.path()); }), HasSubstr("report.json"));
  EXPECT_THAT(message_of<IoError>([&] { load_scene(folder.file("none")); }),
              HasSubstr("no such file"));
}

TEST(LoadColmap, ReadsCamerasPointsErrorsAndTracks) {
  const TemporaryFolder folder;
  ColmapModel model;
  model.cameras.push_back({.id = 3,
                           .width_px = 100,
                           .height_px = 80,
                           .fx_px = 90,
                           .fy_px = 90,
                           .cx_px = 50,
                           .cy_px = 40});
  model.points.push_back({.id = 7,
                          .position = {0.5, 0, 4},
                          .rgb = {9, 8, 7},
                          .error_px = 1.5,
                          .track = {{1, 0}, {2, 0}}});
  model.images.push_back({.id = 1, .camera_id = 3, .name = "b.jpg", .observations = {{60, 40, 7}}});
  model.images.push_back({.id = 2,
                          .translation = {-1, 0, 0},
                          .camera_id = 3,
                          .name = "a.jpg",
                          .observations = {{38, 40, 7}}});
  fs::create_directories(folder.file("sparse/0"));
  write_colmap(folder.file("sparse/0"), model);
  const Scene scene = load_scene(folder.path());
  EXPECT_EQ(scene.kind, SceneKind::kColmap);
  ASSERT_EQ(scene.photos.size(), 2U);
  EXPECT_EQ(scene.photos[0].name, "a.jpg");
  EXPECT_NEAR(centre_of(scene.photos[0].camera).x(), 1, 1e-12);
  ASSERT_EQ(scene.photos[1].observations.size(), 1U);
  EXPECT_EQ(scene.photos[1].observations[0].point, (Vec3f{0.5F, 0, 4}));
  EXPECT_EQ(scene.points.error, std::vector<float>{1.5F});
  EXPECT_THAT(scene.warnings, testing::ElementsAre(HasSubstr("2 photos were not found")));
}

TEST(LoadTransforms, ReadsCamerasAndTheNamedPoints) {
  const TemporaryFolder folder;
  write_wall(folder.path());
  const Scene whole = load_scene(folder.path());
  write_ply_points(folder.file("points.ply"), whole.points, std::vector<uint32_t>{0, 1, 2});
  fs::remove(folder.file("report.json"));
  TransformsFile transforms = read_transforms(folder.file("transforms.json"));
  transforms.ply_file_path = "points.ply";
  write_transforms(folder.file("transforms.json"), transforms);
  const Scene scene = load_scene(folder.file("transforms.json"));
  EXPECT_EQ(scene.points.size(), 3U);
  ASSERT_EQ(scene.photos.size(), 4U);
  EXPECT_LT((centre_of(scene.photos[2].camera) - centre_of(whole.photos[2].camera)).norm(), 1e-9);
}

TEST(PlyFile, ReadsTextAndBothByteOrdersWithColoursOfAnyKind) {
  const TemporaryFolder folder;
  const std::string text =
      folder.write("t.ply",
                   "ply\nformat ascii 1.0\ncomment x\nelement face 1\n"
                   "property list uchar int vertex_indices\n"
                   "element vertex 2\nproperty double x\nproperty float y\n"
                   "property float z\nproperty float red\nproperty float green\n"
                   "property float blue\nend_header\n3 0 1 2\n"
                   "1 2 3 1 0.5 0\n4 5 nan 0 0 0");
  const Points points = read_ply_points(text);
  ASSERT_EQ(points.size(), 1U);  // the second is not finite
  EXPECT_EQ(points.position[0], (Vec3f{1, 2, 3}));
  EXPECT_EQ(points.colour[0], (Rgb{255, 127, 0}));

  std::string big =
      "ply\nformat binary_big_endian 1.0\nelement vertex 1\nproperty float x\n"
      "property float y\nproperty float z\nproperty ushort confidence\nend_header\n";
  big += std::string("\x3f\x80\0\0\xc0\0\0\0\0\0\0\0\x01\x02", 14);
  const Points other = read_ply_points(folder.write("b.ply", big));
  EXPECT_EQ(other.position[0], (Vec3f{1, -2, 0}));
  EXPECT_EQ(other.confidence[0], 258);
  EXPECT_TRUE(other.colour.empty());
}

TEST(PlyFile, WrittenOneReadsBackScaled) {
  const TemporaryFolder folder;
  const Points points{.position = {{1, 2, 3}, {4, 5, 6}},
                      .colour = {{1, 2, 3}, {200, 100, 50}},
                      .confidence = {1.5F, 2.5F}};
  write_ply_points(folder.file("a.ply"), points, std::vector<uint32_t>{1}, 2);
  const Points back = read_ply_points(folder.file("a.ply"));
  EXPECT_EQ(back.position, (std::vector<Vec3f>{{8, 10, 12}}));
  EXPECT_EQ(back.colour, (std::vector<Rgb>{{200, 100, 50}}));
  EXPECT_EQ(back.confidence, std::vector<float>{2.5F});
}

TEST(PlyFile, GlbHoldsWhatItsJsonPromises) {
  const TemporaryFolder folder;
  const Points points{.position = {{1, 2, 3}}, .colour = {{255, 0, 128}}};
  write_glb_points(folder.file("a.glb"), points, std::vector<uint32_t>{0});
  const std::string bytes = read_bytes(folder.file("a.glb"));
  uint32_t length = 0;
  uint32_t json_length = 0;
  std::memcpy(&length, bytes.data() + 8, 4);
  std::memcpy(&json_length, bytes.data() + 12, 4);
  EXPECT_EQ(length, bytes.size());
  const auto json = nlohmann::json::parse(bytes.substr(20, json_length));
  EXPECT_EQ(json.at("meshes").at(0).at("primitives").at(0).at("mode"), 0);
  EXPECT_EQ(json.at("scenes").at(0).at("nodes").at(0), 0);
  EXPECT_EQ(json.at("accessors").at(0).at("max"), nlohmann::json({1.0, -2.0, -3.0}));
  float y = 0;
  std::memcpy(&y, bytes.data() + 28 + json_length + 4, 4);
  EXPECT_EQ(y, -2);
}

TEST(PlyFile, RefusesWhatIsBrokenAndSaysWhy) {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& bytes) {
    const std::string path = folder.write("x.ply", bytes);
    return message_of<IoError>([&] { read_ply_points(path); });
  };
  EXPECT_THAT(message("no"), HasSubstr("x.ply"));
  EXPECT_THAT(message("obj\n"), HasSubstr("is no PLY"));
  const std::string head = "ply\nformat binary_little_endian 1.0\nelement vertex 3000000000\n";
  EXPECT_THAT(message(head + "property float x\nproperty float y\nproperty float z\nend_header\n"),
              HasSubstr("cut off"));
  EXPECT_THAT(message(head + "property float x\nend_header\n"), HasSubstr("no x, y and z"));
  EXPECT_THAT(message("ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float "
                      "y\nproperty float z\nend_header\n1 two 3\n"),
              HasSubstr("'two' is no number"));
}

}  // namespace
}  // namespace vggt::viewer
