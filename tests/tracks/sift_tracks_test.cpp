// SPDX-License-Identifier: Apache-2.0
// Real photos, bundled with the project.
#include "src/tracks/sift_tracks.h"

#include "src/ba/refine.h"
#include "src/base/error.h"
#include "src/io/scene_folder.h"
#include "src/tracks/grey_photo.h"
#include "tests/support/ba_scene.h"

#include <gtest/gtest.h>

namespace vggt::tracks {
namespace {

const std::string kScene = "examples/scenes/brighton_beach";

struct Loaded {
  std::vector<SeenPlaces> photos;
  std::vector<std::string> paths;

  GreyPicture grey(size_t s) const {
    return grey_photo(paths[s],
                      {.stored_width_px = static_cast<int64_t>(photos[s].width_px),
                       .stored_height_px = static_cast<int64_t>(photos[s].height_px)});
  }
};

Loaded load_scene(size_t count) {
  const SceneCameras scene = read_scene_cameras(kScene);
  Loaded loaded;
  for (size_t i = 0; i < count; ++i) {
    const Camera& c = scene.frames.at(i).camera;
    loaded.photos.push_back({{c.fx_px, c.fy_px, c.cx_px, c.cy_px, 0, 0, ba::LensModel::kFixed},
                             cam_from_world(c),
                             double(c.width_px),
                             double(c.height_px),
                             {}});
    loaded.paths.push_back(kScene + "/images/" + scene.frames[i].file);
  }
  return loaded;
}

TEST(SiftTracks, MeetTheCamerasOfRealPhotos) {
  const Loaded scene = load_scene(5);
  const SiftTracks found = sift_tracks(scene.photos, [&](size_t s) { return scene.grey(s); }, {});
  EXPECT_GT(found.tracks.size(), 300U);
  EXPECT_GE(found.matched_pairs, 4);
  ba::Problem problem;
  for (size_t s = 0; s < scene.photos.size(); ++s) {
    problem.lenses.push_back(scene.photos[s].lens);
    problem.photos.push_back({scene.photos[s].cam_from_world, static_cast<int32_t>(s), true});
  }
  add_tracks(found.tracks, problem);
  // The cameras are those of another program's bundle adjustment, within a fraction of a pixel.
  const ba::Quality quality = ba::refine(problem, {.outlier_px = 2}).report.before;
  // The sea moves between the photos, so many tracks cannot.
  EXPECT_GT(quality.observations, int64_t(0.3 * double(problem.observations.size())));
  EXPECT_LT(quality.median_px, 0.5);
}

TEST(SiftTracks, OfPhotosWithoutAnythingAreNone) {
  const Loaded scene = load_scene(3);
  const auto flat = [](size_t) {
    return GreyPicture{64, 64, std::vector<uint8_t>(64 * 64, 100), {}};
  };
  const SiftTracks found = sift_tracks(scene.photos, flat, {});
  EXPECT_TRUE(found.tracks.empty());
  EXPECT_EQ(found.matched_pairs, 0);
}

TEST(SiftTracks, Cancel) {
  const Loaded scene = load_scene(2);
  EXPECT_THROW(sift_tracks(scene.photos,
                           [&](size_t s) { return scene.grey(s); },
                           {.progress = [](const Progress&) { return false; }}),
               Cancelled);
}

}  // namespace
}  // namespace vggt::tracks
