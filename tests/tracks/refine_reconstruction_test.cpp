// SPDX-License-Identifier: Apache-2.0
// Real photos, bundled with the project, whose cameras are known.
#include "src/tracks/refine_reconstruction.h"

#include <ATen/ATen.h>

#include "src/image/decode.h"
#include "src/io/scene_folder.h"
#include "src/pipeline/preprocess.h"
#include "src/tracks/grey_photo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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

// Poses and lenses that are known stay to the last bit; the depth, which came in as 1, comes to the
// triangulated points: one scale for all photos of this nearly plane beach.
TEST(RefineReconstruction, KnownCamerasStayAndGiveTheDepth) {
  const Loaded scene = load_scene(4);
  Reconstruction r = scene.truth;
  const auto load = [&](size_t s) { return scene.grey(s); };
  const RefinedReconstruction refined =
      refine_reconstruction(r, load, {.known_pose = {1, 1, 1, 1}, .known_lens = {1, 1, 1, 1}});
  ASSERT_TRUE(refined.taken) << refined.why_not;
  EXPECT_LT(refined.report.after.median_px, 1.5);
  for (size_t s = 0; s < 4; ++s) {
    const Camera& before = scene.truth.views[s].camera;
    EXPECT_EQ(r.views[s].camera.translation, before.translation) << s;
    EXPECT_EQ(r.views[s].camera.rotation, before.rotation) << s;
    EXPECT_NEAR(r.views[s].camera.fx_px, before.fx_px, 1e-9) << s;
    const double depth = r.depth[static_cast<int64_t>(s)].median().item<double>();
    EXPECT_NEAR(depth / r.depth[0].median().item<double>(), 1, 0.2) << s;
    EXPECT_GT(std::abs(std::log(depth)), 0.1) << s;
  }
}

// How far cameras move from poses that are a little wrong is how much these count.
TEST(RefineReconstruction, PosesCountAsTheirDeviationsSay) {
  const Loaded scene = load_scene(4);
  const auto load = [&](size_t s) { return scene.grey(s); };
  Reconstruction start = scene.truth;
  for (size_t s = 1; s < 4; ++s) {
    constexpr double kTurn = 0.01;
    const double c = std::cos(kTurn);
    const double d = std::sin(kTurn);
    Camera& camera = start.views[s].camera;
    camera = placed(camera, Rigid{{c, -d, 0, d, c, 0, 0, 0, 1}, {}} * cam_from_world(camera));
  }
  const auto turned_by = [&](double deviation) {
    Reconstruction r = start;
    const RefinedReconstruction refined = refine_reconstruction(
        r,
        load,
        {.known_pose = {1, 1, 1, 1},
         .known_lens = {1, 1, 1, 1},
         .pose_deviation = {{.rotation_rad = deviation, .centre = deviation}}});
    EXPECT_TRUE(refined.taken) << refined.why_not;
    double most = 0;
    for (size_t s = 0; s < 4; ++s) {
      const Rigid off =
          cam_from_world(r.views[s].camera) * inverse(cam_from_world(start.views[s].camera));
      most = std::max(most, rotation_angle(off.rotation));
    }
    return most;
  };
  const double held = turned_by(1e-4);
  EXPECT_GT(held, 0);
  EXPECT_LT(held, 0.1 * turned_by(1e-2));
}

}  // namespace
}  // namespace vggt::tracks
