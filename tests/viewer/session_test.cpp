// SPDX-License-Identifier: Apache-2.0
#include "viewer/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/viewer/result.h"
#include "viewer/saves.h"
#include "viewer/scene/load.h"
#include "viewer/scene/ply_file.h"

namespace vggt::viewer {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Saved files go to the current folder.
class InFolder {
 public:
  explicit InFolder(const std::string& path) : before_(fs::current_path()) {
    fs::current_path(path);
  }
  ~InFolder() { fs::current_path(before_); }

 private:
  fs::path before_;
};

Session wall_session(const TemporaryFolder& folder, const WallOptions& options = {}) {
  write_wall(folder.file("wall"), options);
  Session session;
  session.first.emplace().take(load_scene(folder.file("wall")), 4);
  return session;
}

TEST(Session, StepsAndPlaysAroundTheEnds) {
  const TemporaryFolder folder;
  Session session = wall_session(folder);
  session.step(-1);
  EXPECT_EQ(session.selected, 3);
  session.step(1);
  EXPECT_EQ(session.selected, 0);
  session.play_step();
  EXPECT_EQ(session.first->view.filter.last_frame, 0);
  for (int k = 0; k < 4; ++k) session.play_step();
  EXPECT_EQ(session.first->view.filter.last_frame, 0);
  Session empty;
  empty.step(1);
  empty.play_step();
  EXPECT_EQ(empty.selected, -1);
}

TEST(Session, KnownLengthSetsTheScale) {
  const TemporaryFolder folder;
  Session session = wall_session(folder);
  EXPECT_THAT(message_of<ConfigError>([&] { session.set_length(2); }), HasSubstr("two points"));
  session.measure({0, 0, 4});
  EXPECT_EQ(session.distance_text(), "click on the other end");
  session.measure({0.5, 0, 4});
  EXPECT_EQ(session.distance_text(), "0.5 scene units");
  EXPECT_THROW(session.set_length(-1), ConfigError);
  session.set_length(2);
  EXPECT_EQ(session.distance_text(), "2 m");
  session.measure({1, 0, 4});  // a third begins anew
  EXPECT_EQ(session.measured.size(), 1U);
}

TEST(Saves, PointsAreThoseThatPassInMetres) {
  const TemporaryFolder folder;
  Session session = wall_session(folder, {.has_step = false});
  const InFolder here(folder.path());
  OpenScene& open = *session.first;
  open.view.filter.drop_percent = 0;
  open.view.filter.crop_low[0] = 0.25F;
  open.view.metres_per_scene_unit = 2;
  EXPECT_THAT(save_points(open, false), HasSubstr("vggt_view_001.ply"));
  const Points saved = read_ply_points("vggt_view_001.ply");
  size_t expected = 0;
  for (const Vec3f& p : open.scene.points.position) expected += p[0] >= 0.25F;
  EXPECT_EQ(saved.size(), expected);
  ASSERT_GT(expected, 0U);
  for (const Vec3f& p : saved.position) {
    ASSERT_GE(p[0], 0.5F);
    ASSERT_NEAR(p[2], 8, 1e-3F);
  }
  // Nothing that is there is replaced.
  EXPECT_THAT(save_points(open, false), HasSubstr("vggt_view_002.ply"));
  EXPECT_THAT(save_points(open, true), HasSubstr(std::to_string(expected) + " points"));
  EXPECT_GT(fs::file_size("vggt_view_001.glb"), expected * 15);
}

TEST(Saves, ThresholdsComeBackWithTheResult) {
  const TemporaryFolder folder;
  Session session = wall_session(folder);
  EXPECT_EQ(session.first->view.filter.drop_percent, 10);  // as the result was made
  session.first->view.filter.drop_percent = 35;
  EXPECT_THAT(save_view(*session.first), HasSubstr("view.json"));
  OpenScene again;
  again.take(load_scene(folder.file("wall")), 4);
  EXPECT_EQ(again.view.filter.drop_percent, 35);

  folder.write("wall/view.json", "{\"edges\": -1}");
  OpenScene broken;
  broken.take(load_scene(folder.file("wall")), 4);
  EXPECT_EQ(broken.view.filter.drop_percent, 10);
  EXPECT_THAT(broken.summary(), HasSubstr("edges"));
}

TEST(Saves, FolderThatCannotBeWrittenIsNamed) {
  const TemporaryFolder folder;
  Session session = wall_session(folder);
  fs::remove_all(folder.file("wall"));
  EXPECT_THAT(message_of<IoError>([&] { save_view(*session.first); }), HasSubstr("view.json"));
}

TEST(PhotoFacts, SayDepthConfidenceAndPointUnderTheMouse) {
  const TemporaryFolder folder;
  const Session session = wall_session(folder, {.has_step = false});
  const Photo& photo = session.first->scene.photos[1];
  const PhotoFacts facts = read_photo_facts(photo);
  EXPECT_EQ(facts.problem, "");
  const auto there = facts.at(photo, 0.25, 0.5);
  ASSERT_TRUE(there);
  EXPECT_EQ(there->confidence, 1 + 15);  // column 15 of 60
  EXPECT_NEAR(there->point.z(), 4, 1e-4);
  const Projected at = project(photo.camera, there->point);
  EXPECT_NEAR(at.x_px, 15.5 * kPhotoScale, 1e-3);
  EXPECT_EQ(facts.at(photo, 1.5, 0.5), std::nullopt);
}

TEST(PhotoFacts, MissingPhotoAndDamagedMapAreSaidAndTheRestIsShown) {
  const TemporaryFolder folder;
  const Session session = wall_session(folder);
  fs::remove(folder.file("wall/photos/p0.png"));
  fs::resize_file(folder.file("wall/depth/p1.npy"), 200);
  const PhotoFacts no_photo = read_photo_facts(session.first->scene.photos[0]);
  EXPECT_THAT(no_photo.problem, HasSubstr("p0.png"));
  EXPECT_FALSE(no_photo.depth_picture.empty());
  const PhotoFacts no_depth = read_photo_facts(session.first->scene.photos[1]);
  EXPECT_THAT(no_depth.problem, HasSubstr("p1.npy"));
  EXPECT_FALSE(no_depth.photo.empty());
  EXPECT_EQ(no_depth.at(session.first->scene.photos[1], 0.5, 0.5), std::nullopt);
}

}  // namespace
}  // namespace vggt::viewer
