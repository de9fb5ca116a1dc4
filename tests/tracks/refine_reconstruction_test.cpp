// SPDX-License-Identifier: Apache-2.0
// Real photos, bundled with the project, whose cameras are known.
#include "src/tracks/refine_reconstruction.h"

#include <ATen/ATen.h>

#include "src/image/decode.h"
#include "src/io/scene_folder.h"
#include "src/pipeline/preprocess.h"
#include "src/tracks/grey_photo.h"

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
