// SPDX-License-Identifier: Apache-2.0
// Real photos, bundled with the project, whose cameras are known.
#include "src/tracks/refine_reconstruction.h"

#include <ATen/ATen.h>

#include "src/ba/triangulate.h"
#include "src/image/decode.h"
#include "src/io/scene_folder.h"
#include "src/pipeline/preprocess.h"
#include "src/tracks/grey_photo.h"
#include "tests/support/ba_scene.h"

#include <gtest/gtest.h>

namespace vggt::tracks {
namespace {

const std::string kScene = "examples/scenes/brighton_beach";

struct Loaded {
  Reconstruction truth;
  std::vector<std::string> paths;

  GreyPicture grey(size_t s) const { return grey_photo(paths[s], truth.views[s].map); }
};

// The beach from above is nearly a plane, whose depth is to be found: 1 comes in.
Loaded load_scene(size_t count) {
  const SceneCameras scene = read_scene_cameras(kScene);
  Loaded loaded;
  std::vector<FittedImage> fitted;
  const Rigid world_from_first = inverse(cam_from_world(scene.frames[0].camera));
  for (size_t i = 0; i < count; ++i) {
    const SceneFrame& frame = scene.frames.at(i);
    loaded.paths.push_back(kScene + "/images/" + frame.file);
    const DecodedImage image = decode_image(loaded.paths.back());
    fitted.push_back(
        fit_image(image.rgb, image.stored_width_px, image.stored_height_px, image.orientation, {}));
    const PixelMap& map = fitted.back().map;
    Camera camera = placed(frame.camera, cam_from_world(frame.camera) * world_from_first);
    camera.width_px = map.network_width_px;
    camera.height_px = map.network_height_px;
    camera.fx_px *= map.scale_x;
    camera.fy_px *= map.scale_y;
    camera.cx_px = map.scale_x * camera.cx_px + map.offset_x_px;
    camera.cy_px = map.scale_y * camera.cy_px + map.offset_y_px;
    loaded.truth.views.push_back({frame.file, map, camera});
  }
  const NetworkInput input = stack_images(fitted);
  loaded.truth.images = input.images;
  const auto size = {input.images.size(0), input.images.size(2), input.images.size(3)};
  loaded.truth.depth = at::ones(size);
  loaded.truth.confidence = at::full(size, 2.0F);
  return loaded;
}

ba::Problem poses_of(const Reconstruction& r) {
  ba::Problem problem;
  for (const View& view : r.views)
    problem.photos.push_back({cam_from_world(view.camera), 0, false});
  return problem;
}

TEST(RefineReconstruction, BringsEverythingIntoOneFrame) {
  const Loaded scene = load_scene(6);
  const RefineReconstructionOptions options = {.lens = SharedLens::kFixed};
  const auto load = [&](size_t s) { return scene.grey(s); };
  ba::Problem poses = poses_of(scene.truth);
  testing::disturb(poses, 3, 0, 9);
  Reconstruction r = scene.truth;
  for (size_t s = 0; s < r.views.size(); ++s) {
    r.views[s].camera = placed(r.views[s].camera, poses.photos[s].cam_from_world);
  }
  const RefinedReconstruction refined = refine_reconstruction(r, load, options);
  ASSERT_TRUE(refined.taken) << refined.why_not;
  EXPECT_TRUE(refined.report.improved);
  EXPECT_LT(refined.report.after.median_px, 1);
  EXPECT_GT(refined.explained, 0.3);  // the sea moves between the photos
  EXPECT_EQ(refined.groups, std::vector<int32_t>(6, 0));

  // Depth maps, cameras and sparse points agree: most points lie at the depth of their pixel.
  const ColmapModel model = colmap_from(r.views, refined.points);
  int64_t close = 0;
  int64_t seen = 0;
  for (const TrackedPoint& point : refined.points) {
    for (const auto& sighting : point.sightings) {
      const View& view = r.views[sighting.view];
      const auto network = view.map.network_from_stored(sighting.x_px, sighting.y_px);
      const auto x = static_cast<int64_t>(network[0]);
      const auto y = static_cast<int64_t>(network[1]);
      if (x < 0 || y < 0 || x >= r.depth.size(2) || y >= r.depth.size(1)) continue;
      const double in_map = r.depth[sighting.view][y][x].item<double>();
      const auto& c = view.camera;
      const double depth = c.rotation[6] * point.position[0] + c.rotation[7] * point.position[1] +
                           c.rotation[8] * point.position[2] + c.translation[2];
      ++seen;
      close += std::abs(in_map / depth - 1) < 0.1;
    }
  }
  EXPECT_GT(close, 0.8 * double(seen));
  for (const ColmapModel::Point& point : model.points) EXPECT_LT(point.error_px, 4);
}

TEST(RefineReconstruction, KeepsFocalLengthsThatThePhotosLeaveOpen) {
  // Straight down on a plane: nearer and wider looks the same.
  const Loaded scene = load_scene(4);
  Reconstruction r = scene.truth;
  for (View& view : r.views) {
    view.camera.fx_px *= 1.1;
    view.camera.fy_px *= 1.1;
  }
  const auto load = [&](size_t s) { return scene.grey(s); };
  const RefinedReconstruction refined = refine_reconstruction(r, load, {});
  EXPECT_TRUE(refined.lens_open);
  EXPECT_DOUBLE_EQ(r.views[0].camera.fx_px, 1.1 * scene.truth.views[0].camera.fx_px);
}

TEST(RefineReconstruction, LeavesPhotosThatShowNothingInCommonAsTheyAre) {
  const Loaded scene = load_scene(2);
  Reconstruction r = scene.truth;
  const auto flat = [](size_t) {
    return GreyPicture{64, 64, std::vector<uint8_t>(64 * 64, 100), {}};
  };
  const RefinedReconstruction refined = refine_reconstruction(r, flat, {});
  EXPECT_FALSE(refined.taken);
  EXPECT_EQ(refined.why_not, "no two photos show the same places");
  EXPECT_EQ(r.views[1].camera.translation, scene.truth.views[1].camera.translation);
  EXPECT_TRUE(at::equal(r.depth, scene.truth.depth));
}

TEST(RefineReconstruction, LeavesEqualPhotosAsTheyAre) {
  const Loaded scene = load_scene(3);
  Reconstruction r = scene.truth;
  const auto load = [&](size_t) { return scene.grey(0); };
  const RefinedReconstruction refined = refine_reconstruction(r, load, {});
  EXPECT_FALSE(refined.taken);
  EXPECT_NE(refined.why_not, "");
  EXPECT_EQ(r.views[2].camera.translation, scene.truth.views[2].camera.translation);
}

TEST(RefineReconstruction, TakesNothingThatExplainsTooLittle) {
  const Loaded scene = load_scene(3);
  Reconstruction r = scene.truth;
  const auto load = [&](size_t s) { return scene.grey(s); };
  const RefinedReconstruction refined = refine_reconstruction(r, load, {.min_explained = 1.1});
  EXPECT_FALSE(refined.taken);
  EXPECT_FALSE(refined.why_not.empty());
  EXPECT_EQ(r.views[1].camera.translation, scene.truth.views[1].camera.translation);
}

}  // namespace
}  // namespace vggt::tracks
