// SPDX-License-Identifier: Apache-2.0
// What is computed of a loaded scene: selections, colours, cameras, drawing, comparison, settings.
#include "viewer/scene/scene.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <filesystem>
#include <numeric>

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/viewer/result.h"
#include "viewer/scene/compare.h"
#include "viewer/scene/load.h"
#include "viewer/scene/raster.h"
#include "viewer/scene/run.h"
#include "viewer/scene/selection.h"
#include "viewer/scene/settings.h"
#include "viewer/scene/shot.h"

namespace vggt::viewer {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

Points line_of_points(size_t n) {
  Points points;
  for (size_t i = 0; i < n; ++i) {
    points.position.push_back({static_cast<float>(i), 0, 0});
    points.confidence.push_back(static_cast<float>(i));
    points.edge.push_back(i % 2 == 0 ? 0.0F : 0.5F);
    points.frame.push_back(static_cast<int32_t>(i / 10));
  }
  return points;
}

Selection selected(const Points& points, const Filter& filter, size_t budget = 1'000'000) {
  Selection selection;
  select(points, filter, ConfidenceTable(points.confidence), budget, selection);
  return selection;
}

TEST(Select, EachThresholdLeavesOutItsPoints) {
  const Points points = line_of_points(100);
  EXPECT_EQ(selected(points, {}).chosen.size(), 100U);
  const Selection confident = selected(points, {.drop_percent = 30});
  EXPECT_NEAR(static_cast<double>(confident.chosen.size()), 70, 1);
  EXPECT_EQ(confident.chosen.back(), 99U);
  EXPECT_EQ(selected(points, {.edge_ratio = 0.1}).chosen.size(), 50U);
  EXPECT_EQ(selected(points, {.last_frame = 1}).chosen.size(), 20U);
  Filter crop;
  crop.crop_low[0] = 10;
  crop.crop_high[0] = 12;
  EXPECT_THAT(selected(points, crop).chosen, ElementsAre(10, 11, 12));
}

TEST(Select, BudgetKeepsAnEvenPartAndTheSameEachTime) {
  const Points points = line_of_points(100'000);
  const Selection part = selected(points, {}, 10'000);
  EXPECT_EQ(part.passed, 100'000U);
  EXPECT_LE(part.chosen.size(), 10'000U);
  EXPECT_GT(part.chosen.size(), 9'500U);
  // A tenth of each tenth: five standard deviations of a fair draw are 150.
  for (uint32_t tenth = 0; tenth < 10; ++tenth) {
    const auto count = std::count_if(
        part.chosen.begin(), part.chosen.end(), [&](uint32_t i) { return i / 10'000 == tenth; });
    EXPECT_NEAR(static_cast<double>(count), 1000, 150);
  }
  EXPECT_EQ(selected(points, {}, 10'000).chosen, part.chosen);
}

TEST(Select, PointsThatDoNotKnowAPropertyPass) {
  const Points points{.position = {{0, 0, 0}, {1, 1, 1}}};
  EXPECT_EQ(
      selected(points, {.drop_percent = 90, .edge_ratio = 0.01, .last_frame = 0}).chosen.size(),
      2U);
}

TEST(Colours, FollowTheirProperty) {
  Points points = line_of_points(100);
  points.colour.assign(100, {1, 2, 3});
  points.depth.resize(100);
  std::iota(points.depth.begin(), points.depth.end(), 1.0F);
  const std::vector<uint32_t> ends = {0, 99};
  EXPECT_THAT(colours_of(points, ends, ColourBy::kPhoto), ElementsAre(Rgb{1, 2, 3}, Rgb{1, 2, 3}));
  EXPECT_THAT(colours_of(points, ends, ColourBy::kConfidence), ElementsAre(ramp(0), ramp(1)));
  EXPECT_THAT(colours_of(points, ends, ColourBy::kDepth), ElementsAre(ramp(1), ramp(0)));
  EXPECT_THAT(colours_of(points, ends, ColourBy::kFrame),
              ElementsAre(frame_colour(0), frame_colour(9)));
  EXPECT_THAT(colours_of(points, ends, ColourBy::kError),
              ElementsAre(Rgb{128, 128, 128}, Rgb{128, 128, 128}));
  EXPECT_THAT(message_of<ConfigError>([] { colour_by("green"); }), HasSubstr("photo, confidence"));
}

TEST(Cameras, LookAtPutsTheTargetInTheMiddleAndUpOnTop) {
  const Camera camera = look_at({3, -2, 1}, {0, 1, 5}, {0, -1, 0}, 200, 100);
  const Projected target = project(camera, {0, 1, 5});
  EXPECT_NEAR(target.x_px, 100, 1e-9);
  EXPECT_NEAR(target.y_px, 50, 1e-9);
  EXPECT_LT(project(camera, {0, 0.5, 5}).y_px, 50);
  EXPECT_NEAR(rotation_of(camera).determinant(), 1, 1e-12);
  EXPECT_LT((unproject(camera, 30, 70, 2.5) - unproject(camera, 30, 70, 2.5)).norm(), 1e-12);
  const Projected back = project(camera, unproject(camera, 30, 70, 2.5));
  EXPECT_NEAR(back.x_px, 30, 1e-9);
  EXPECT_NEAR(back.depth, 2.5, 1e-9);
}

TEST(Cameras, UpIsTheMeanOfTheCameras) {
  std::vector<Photo> photos(3);
  const Eigen::Vector3d up = Eigen::Vector3d(0.2, 0.3, -1).normalized();
  for (int i = 0; i < 3; ++i) {
    photos[static_cast<size_t>(i)].camera =
        look_at({2.0 * std::cos(2.1 * i), 2.0 * std::sin(2.1 * i), 0}, {0, 0, 0}, up, 10, 10);
  }
  EXPECT_GT(guess_up(photos).dot(up), 0.95);
  EXPECT_LT((guess_up({}) + Eigen::Vector3d::UnitY()).norm(), 1e-12);
}

TEST(Cameras, PickTakesTheNearestPointUnderTheMouse) {
  const Points points{.position = {{0, 0, 5}, {0, 0, 2}, {0, 0, -1}, {1, 0, 2}}};
  const Camera camera = look_at({0, 0, 0}, {0, 0, 1}, {0, -1, 0}, 100, 100);
  const std::vector<uint32_t> all = {0, 1, 2, 3};
  EXPECT_EQ(pick_point(points, all, camera, 50, 50, 3), 1U);
  EXPECT_EQ(pick_point(points, {0, 2, 3}, camera, 50, 50, 3), 0U);
  EXPECT_EQ(pick_point(points, all, camera, 10, 10, 3), std::nullopt);
}

TEST(Raster, NearerPointsHideFartherOnesAndFrustaAreWhereTheyMustBe) {
  const Camera camera = look_at({0, 0, 0}, {0, 0, 1}, {0, -1, 0}, 100, 80);
  Raster raster(camera, {10, 10, 10});
  const Points points{.position = {{0, 0, 2}, {0, 0, 5}, {0.5F, 0, 2}}};
  const std::vector<uint32_t> all = {0, 1, 2};
  const std::vector<Rgb> colours = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
  raster.draw_points(points, all, colours, 3);
  const Projected second = project(camera, {0.5, 0, 2});
  EXPECT_EQ(raster.picture().at(50, 40)[0], 255);
  EXPECT_EQ(raster.picture().at(static_cast<int>(second.x_px), 40)[2], 255);
  EXPECT_EQ(raster.picture().at(5, 5)[0], 10);

  std::vector<Line> lines;
  const Camera other = look_at({0.2, 0, 2}, {0.2, 0, 3}, {0, -1, 0}, 40, 30);
  add_frustum(other, 1, {7, 8, 9}, lines);
  raster.draw_lines(lines);
  const Projected corner = project(camera, unproject(other, 0.2, 0.2, 1));
  bool found = false;
  for (int y = -1; y <= 1; ++y) {
    for (int x = -1; x <= 1; ++x) {
      const uint8_t* pixel =
          raster.picture().at(static_cast<int>(corner.x_px) + x, static_cast<int>(corner.y_px) + y);
      found |= pixel[0] == 7 && pixel[1] == 8 && pixel[2] == 9;
    }
  }
  EXPECT_TRUE(found);
}

// The colour of the wall tells where on it a pixel looks: the distance between what the photo and what the points show there
// is a distance in pixels. Each point is one pixel: of larger squares the nearest would win, which is no matter of cameras.
TEST(Overlay, PointsAndPhotoDifferByLessThanAPixel) {
  const TemporaryFolder folder;
  const WallOptions options{.width = 240, .height = 160, .has_step = false};
  write_wall(folder.path(), options);
  const Scene scene = load_scene(folder.path());
  for (int k = 0; k < options.photos; ++k) {
    const Picture points =
        shot_of(scene, {.background = {0, 0, 0}, .point_size = 1, .filter = {}}, k);
    const Picture photo = read_picture(scene.photos[static_cast<size_t>(k)].photo_path);
    ASSERT_EQ(points.width, photo.width);
    // One colour step is 1 / 40 of a scene unit, which is focal length / depth pixels wide.
    const Camera& camera = scene.photos[static_cast<size_t>(k)].camera;
    const double pixels_per_level = camera.fx_px / 4 / 40;
    // In each quarter for itself: a wrong focal length moves opposite sides in opposite directions.
    double sum[4][2] = {};
    int count[4] = {};
    for (int y = 20; y < photo.height - 20; ++y) {
      for (int x = 20; x < photo.width - 20; ++x) {
        if (points.at(x, y)[2] == 0) continue;  // no point there
        const int quarter = (x < photo.width / 2 ? 0 : 1) + (y < photo.height / 2 ? 0 : 2);
        for (int c = 0; c < 2; ++c) sum[quarter][c] += points.at(x, y)[c] - photo.at(x, y)[c];
        ++count[quarter];
      }
    }
    for (int quarter = 0; quarter < 4; ++quarter) {
      EXPECT_GT(count[quarter], photo.width * photo.height / 60);
      for (double total : sum[quarter]) {
        EXPECT_LT(std::abs(total / count[quarter]) * pixels_per_level, 1) << k << ' ' << quarter;
      }
    }
  }
}

TEST(Compare, AlignsByCamerasAndNamesThePointsThatDiffer) {
  const TemporaryFolder folder;
  write_wall(folder.file("a"));
  write_wall(folder.file("b"), {.scale = 2.5, .depth_error = 0.05});
  Scene a = load_scene(folder.file("a"));
  Scene b = load_scene(folder.file("b"));
  // b in another world: turned and shifted.
  Alignment elsewhere;
  elsewhere.rotation = Eigen::AngleAxisd(0.7, Eigen::Vector3d(1, 2, 3).normalized()).matrix();
  elsewhere.translation = {3, -2, 1};
  apply(elsewhere, b);
  const Alignment found = align(b, a);
  EXPECT_EQ(found.shared_photos, 4U);
  EXPECT_NEAR(found.scale, 1 / 2.5, 1e-9);
  apply(found, b);
  for (size_t k = 0; k < a.photos.size(); ++k) {
    EXPECT_LT((centre_of(a.photos[k].camera) - centre_of(b.photos[k].camera)).norm(), 1e-9);
  }
  const double median = compare(a, b);
  // 0.05 along the axis after a scale of 2.5, and the ray is a little longer than its depth.
  EXPECT_GT(median, 0.0199);
  EXPECT_LT(median, 0.026);
  EXPECT_EQ(a.points.error.size(), a.points.size());
}

TEST(Compare, WithoutCommonPixelsTakesTheNearestPoint) {
  Scene a;
  Scene b;
  a.points.position = {{0, 0, 0}, {5, 0, 0}};
  b.points.position = {{0, 0, 1}, {0, 9, 9}, {5, 2, 0}};
  EXPECT_EQ(align(a, b).shared_photos, 0U);
  compare(a, b);
  EXPECT_THAT(a.points.error, ElementsAre(1, 2));
  EXPECT_EQ(b.points.error[2], 2);
}

TEST(ViewJson, ReadsBackWhatWasWrittenAndNamesWhatIsWrong) {
  const TemporaryFolder folder;
  ViewSettings settings{.up = {0, 0, 1}, .metres_per_scene_unit = 2.5, .is_metric = true};
  settings.filter.drop_percent = 42.5;
  settings.filter.edge_ratio = 0.03;
  settings.filter.crop_low[1] = -3;
  write_view_settings(folder.file("view.json"), settings);
  const ViewSettings back = read_view_settings(folder.file("view.json"), {});
  EXPECT_EQ(back.filter.drop_percent, 42.5);
  EXPECT_EQ(back.filter.edge_ratio, 0.03);
  EXPECT_EQ(back.filter.crop_low[1], -3);
  EXPECT_TRUE(std::isinf(back.filter.crop_high[1]));
  EXPECT_EQ(back.up, settings.up);
  EXPECT_EQ(back.metres_per_scene_unit, 2.5);
  EXPECT_EQ(read_view_settings(folder.file("none.json"), settings).filter.drop_percent, 42.5);
  const auto message = [&](const std::string& text) {
    const std::string path = folder.write("bad.json", text);
    return message_of<IoError>([&] { read_view_settings(path, {}); });
  };
  EXPECT_THAT(message(R"({"drop_percent": 100})"), HasSubstr("drop_percent"));
  EXPECT_THAT(message(R"({"up": [0, 0, 0]})"), HasSubstr("up"));
  EXPECT_THAT(message(R"({"metres_per_scene_unit": -1})"), HasSubstr("metres_per_scene_unit"));
  EXPECT_THAT(message("{"), HasSubstr("bad.json"));
}

TEST(UserSettings, DamagedOnesAreForgotten) {
  const TemporaryFolder folder;
  write_user_settings(folder.file("deep/viewer.json"), {.width = 900, .point_size = 4});
  EXPECT_EQ(read_user_settings(folder.file("deep/viewer.json")).width, 900);
  EXPECT_EQ(read_user_settings(folder.file("deep/viewer.json")).point_size, 4);
  EXPECT_EQ(read_user_settings(folder.write("bad.json", "{\"width\": 1e99}")).width, 1280);
}

TEST(Shot, RefusesACameraThatIsNotThereAndAPictureOfUnknownKind) {
  const TemporaryFolder folder;
  write_wall(folder.path());
  const Scene scene = load_scene(folder.path());
  EXPECT_THAT(message_of<ConfigError>([&] { shot_of(scene, {}, 4); }), HasSubstr("0 to 3"));
  EXPECT_THAT(
      message_of<ConfigError>([&] { write_picture(folder.file("a.gif"), shot_of(scene, {}, 0)); }),
      HasSubstr(".png"));
}

TEST(Shot, TurntableWritesAPictureEachOrOneVideo) {
  const TemporaryFolder folder;
  write_wall(folder.path());
  const Scene scene = load_scene(folder.path());
  const Shot shot{.width = 160, .height = 120};
  EXPECT_THAT(
      write_turntable(folder.file("t.png"), scene, shot, 3),
      ElementsAre(folder.file("t_000.png"), folder.file("t_001.png"), folder.file("t_002.png")));
  EXPECT_NE(read_picture(folder.file("t_000.png")).rgb, read_picture(folder.file("t_001.png")).rgb);
  write_turntable(folder.file("t.avi"), scene, shot, 3);
  EXPECT_GT(fs::file_size(folder.file("t.avi")), 1000U);
}

TEST(ChildRun, FollowsProgressAndSaysHowItEnded) {
  viewer::Run run(
      {"/bin/sh",
       "-c",
       "echo '{\"stage\": \"encoder\", \"done\": 2, \"total\": 5, \"seconds_left\": 3.5}' >&2; "
       "echo '{\"result\": \"error\", \"message\": \"no photo\"}' >&2; exit 1"});
  while (!run.state().ended) std::this_thread::yield();
  EXPECT_EQ(run.state().stage, "encoder");
  EXPECT_EQ(run.state().done, 2);
  EXPECT_EQ(run.state().seconds_left, 3.5);
  EXPECT_EQ(run.state().message, "no photo");
  EXPECT_EQ(run.state().exit_code, 1);
}

TEST(ChildRun, CancelEndsTheChild) {
  viewer::Run run({"/bin/sleep", "1000"});
  run.cancel();
  while (!run.state().ended) std::this_thread::yield();
  EXPECT_EQ(run.state().exit_code, 128 + 15);
  EXPECT_THROW(viewer::Run({"/no/such/program"}), IoError);
}

}  // namespace
}  // namespace vggt::viewer
