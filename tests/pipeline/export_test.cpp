// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/export.h"

#include "src/base/error.h"
#include "src/io/npy.h"
#include "src/io/ply.h"
#include "src/pipeline/point_filter.h"
#include "src/pipeline/predictions_file.h"
#include "tests/support/plane_and_box.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace vggt {
namespace {

PixelMap map_of(int64_t stored_width, int64_t stored_height, int64_t width, int64_t height) {
  PixelMap map;
  map.stored_width_px = stored_width;
  map.stored_height_px = stored_height;
  map.scale_x = static_cast<double>(width) / static_cast<double>(stored_width);
  map.scale_y = static_cast<double>(height) / static_cast<double>(stored_height);
  map.network_width_px = width;
  map.network_height_px = height;
  return map;
}

PixelMap landscape() { return map_of(640, 480, 98, 70); }

PixelMap portrait() { return map_of(300, 420, 70, 98); }

// Scaled to 98 x 126, of which the middle 98 rows are left.
PixelMap cropped() {
  PixelMap map = map_of(480, 620, 98, 126);
  map.offset_y_px = -14;
  map.network_height_px = 98;
  return map;
}

// Scaled to 56 x 98, with 21 columns of padding on either side.
PixelMap padded() {
  PixelMap map = map_of(230, 400, 56, 98);
  map.offset_x_px = 21;
  map.network_width_px = 98;
  return map;
}

// A phone held upright: its file is 640 x 480 and says "turn right to view".
PixelMap turned() {
  PixelMap map = map_of(480, 640, 70, 98);
  std::swap(map.stored_width_px, map.stored_height_px);
  map.orientation = 6;
  return map;
}

Reconstruction reconstruction_of(const PixelMap& map, int64_t views = 3) {
  std::vector<PixelMap> maps(static_cast<size_t>(views), map);
  std::vector<std::string> names;
  for (int64_t s = 0; s < views; ++s) names.push_back("photo" + std::to_string(s) + ".jpg");
  return PlaneAndBox(views).reconstruct(maps, names);
}

// As COLMAP projects: from the written numbers alone.
std::array<double, 2> project(const ColmapModel::Camera& camera,
                              const ColmapModel::Image& image,
                              const std::array<double, 3>& point) {
  const auto [w, x, y, z] = image.rotation_wxyz;
  const double rotation[9] = {1 - 2 * (y * y + z * z),
                              2 * (x * y - z * w),
                              2 * (x * z + y * w),
                              2 * (x * y + z * w),
                              1 - 2 * (x * x + z * z),
                              2 * (y * z - x * w),
                              2 * (x * z - y * w),
                              2 * (y * z + x * w),
                              1 - 2 * (x * x + y * y)};
  double in_cam[3];
  for (int row = 0; row < 3; ++row) {
    in_cam[row] = image.translation[row];
    for (int k = 0; k < 3; ++k) in_cam[row] += rotation[3 * row + k] * point[k];
  }
  return {camera.fx_px * in_cam[0] / in_cam[2] + camera.cx_px,
          camera.fy_px * in_cam[1] / in_cam[2] + camera.cy_px};
}

class ExportOf : public testing::TestWithParam<PixelMap (*)()> {};

TEST_P(ExportOf, PointsProjectToTheirObservations) {
  const PixelMap map = GetParam()();
  const Reconstruction reconstruction = reconstruction_of(map);
  const ColmapModel model = colmap_from(reconstruction, 2000);
  ASSERT_EQ(model.cameras.size(), 3u);
  ASSERT_EQ(model.images.size(), 3u);
  ASSERT_EQ(model.points.size(), 2000u);
  for (size_t s = 0; s < 3; ++s) {
    EXPECT_EQ(model.cameras[s].id, s + 1);
    EXPECT_EQ(model.images[s].id, s + 1);
    EXPECT_EQ(model.images[s].camera_id, s + 1);
    EXPECT_EQ(model.images[s].name, reconstruction.views[s].name);
    EXPECT_EQ(model.cameras[s].width_px, static_cast<uint64_t>(map.stored_width_px));
    EXPECT_EQ(model.cameras[s].height_px, static_cast<uint64_t>(map.stored_height_px));
  }
  double worst_px = 0;
  for (const auto& point : model.points) {
    ASSERT_EQ(point.track.size(), 1u);
    const auto& image = model.images.at(point.track[0].image_id - 1);
    const auto& observation = image.observations.at(point.track[0].observation);
    EXPECT_EQ(observation.point_id, point.id);
    const auto [x, y] = project(model.cameras[image.camera_id - 1], image, point.position);
    worst_px = std::max({worst_px, std::abs(x - observation.x_px), std::abs(y - observation.y_px)});
  }
  // Float32 positions leave about 1e-4 px.
  EXPECT_LT(worst_px, 0.01);
}

std::string name_of(const testing::TestParamInfo<PixelMap (*)()>& info) {
  constexpr const char* kNames[] = {"Landscape", "Portrait", "Cropped", "Padded", "Exif6"};
  return kNames[info.index];
}

INSTANTIATE_TEST_SUITE_P(Views,
                         ExportOf,
                         testing::Values(landscape, portrait, cropped, padded, turned),
                         name_of);

// The exported camera of a turned photo sees the stored picture: turned right it is the upright
// one.
TEST(Export, TheCameraOfATurnedPhotoSeesTheStoredPicture) {
  PixelMap map = map_of(84, 112, 84, 112);
  std::swap(map.stored_width_px, map.stored_height_px);
  map.orientation = 6;
  const PlaneAndBox scene(3);
  const Reconstruction reconstruction =
      scene.reconstruct({map, map, map}, {"a.jpg", "b.jpg", "c.jpg"});
  for (const View& view : reconstruction.views) {
    const at::Tensor upright = scene.render(view.camera).depth;
    const at::Tensor stored = scene.render(view.map.stored_camera(view.camera)).depth;
    EXPECT_EQ(stored.size(0), 84);
    const at::Tensor turned_right = at::rot90(stored, -1, {0, 1});
    // Rays along an edge may fall on either side of it.
    const double share_equal =
        at::isclose(turned_right, upright, 1e-4).to(at::kFloat).mean().item<double>();
    EXPECT_GT(share_equal, 0.995);
  }
}

TEST(Export, PointsAreSpreadEvenlyAndRepeatably) {
  const Reconstruction reconstruction = reconstruction_of(landscape(), 4);
  const ColmapModel model = colmap_from(reconstruction, 1000);
  ASSERT_EQ(model.points.size(), 1000u);
  const at::Tensor frames = at::bincount(reconstruction.points.frame);
  for (int64_t s = 0; s < 4; ++s) {
    const double share =
        frames[s].item<double>() / static_cast<double>(reconstruction.points.size());
    EXPECT_NEAR(static_cast<double>(model.images[s].observations.size()), 1000 * share, 1.5);
  }
  const ColmapModel again = colmap_from(reconstruction, 1000);
  for (size_t i = 0; i < 1000; ++i) EXPECT_EQ(again.points[i].position, model.points[i].position);
  // Fewer points than asked for: all of them.
  EXPECT_EQ(colmap_from(reconstruction, 1 << 30).points.size(),
            static_cast<size_t>(reconstruction.points.size()));
}

TEST(Export, PointsThatAreNotFiniteAreLeftOut) {
  Reconstruction reconstruction = reconstruction_of(landscape());
  reconstruction.points.position[0][1] = std::numeric_limits<float>::quiet_NaN();
  reconstruction.points.position[1][2] = std::numeric_limits<float>::infinity();
  const ColmapModel model = colmap_from(reconstruction, 1 << 30);
  EXPECT_EQ(model.points.size(), static_cast<size_t>(reconstruction.points.size() - 2));
  EXPECT_EQ(model.points[0].id, 1u);
}

TEST(Export, WritesEveryFileOfAResult) {
  TemporaryFolder folder;
  const Reconstruction reconstruction = reconstruction_of(landscape());
  write_files(result_files(reconstruction, folder.path()));
  EXPECT_EQ(read_ply(folder.file("points.ply")).size(), reconstruction.points.size());
  EXPECT_EQ(read_colmap(folder.file("sparse/0")).images.size(), 3u);
  for (int64_t s = 0; s < 3; ++s) {
    const std::string name = "photo" + std::to_string(s) + ".npy";
    EXPECT_TRUE(at::equal(read_npy(folder.file("depth/" + name)), reconstruction.depth[s]));
    EXPECT_TRUE(
        at::equal(read_npy(folder.file("confidence/" + name)), reconstruction.confidence[s]));
  }
}

TEST(Export, PhotosThatDifferInTheirExtensionAloneKeepIt) {
  TemporaryFolder folder;
  Reconstruction reconstruction = reconstruction_of(landscape());
  reconstruction.views[0].name = "a.jpg";
  reconstruction.views[1].name = "a.png";
  reconstruction.views[2].name = "a.jpg.png";
  write_files(result_files(reconstruction, folder.path()));
  const std::vector<std::string> expected = {"a.jpg.npy", "a.png.npy", "a.jpg_.npy"};
  for (int64_t s = 0; s < 3; ++s) {
    EXPECT_TRUE(at::equal(read_npy(folder.file("depth/" + expected[s])), reconstruction.depth[s]));
  }
}

TEST(Export, TheCamerasOfAllFilesAgree) {
  TemporaryFolder folder;
  const Reconstruction reconstruction = reconstruction_of(turned());
  write_files(
      result_files(reconstruction,
                   folder.path(),
                   {.photo_paths = {"../a.jpg", "/b.jpg", "c.jpg"}, .timestamps = {5, 6, 7.5}}));
  const TransformsFile transforms = read_transforms(folder.file("transforms.json"));
  EXPECT_EQ(transforms.ply_file_path, "points.ply");
  ASSERT_EQ(transforms.frames.size(), 3u);
  EXPECT_EQ(transforms.frames[1].file_path, "/b.jpg");
  const ColmapModel model = read_colmap(folder.file("sparse/0"));
  const std::vector<TumPose> trajectory = read_tum(folder.file("trajectory.tum"));
  ASSERT_EQ(trajectory.size(), 3u);
  EXPECT_EQ(trajectory[2].timestamp, 7.5);
  for (size_t s = 0; s < 3; ++s) {
    const View& view = reconstruction.views[s];
    const Camera camera = camera_from_frame(transforms.frames[s]);
    EXPECT_EQ(static_cast<uint64_t>(camera.width_px), model.cameras[s].width_px);
    EXPECT_EQ(camera.fx_px, model.cameras[s].fx_px);
    EXPECT_EQ(camera.cy_px, model.cameras[s].cy_px);
    // nerfstudio's camera of the stored picture is COLMAP's.
    for (const std::array<double, 3>& point : {std::array{0.3, -0.2, 4.0}, {1.0, 0.5, 6.0}}) {
      const auto seen = project(model.cameras[s], model.images[s], point);
      double in_cam[3];
      for (int row = 0; row < 3; ++row) {
        in_cam[row] = camera.translation[row];
        for (int k = 0; k < 3; ++k) in_cam[row] += camera.rotation[3 * row + k] * point[k];
      }
      EXPECT_NEAR(camera.fx_px * in_cam[0] / in_cam[2] + camera.cx_px, seen[0], 1e-6);
      EXPECT_NEAR(camera.fy_px * in_cam[1] / in_cam[2] + camera.cy_px, seen[1], 1e-6);
    }
    // The trajectory is that of the upright picture.
    const auto [x, y, z, w] = trajectory[s].rotation_xyzw;
    const double forward[] = {2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)};
    const double right[] = {1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)};
    for (int k = 0; k < 3; ++k) {
      EXPECT_NEAR(forward[k], view.camera.rotation[6 + k], 1e-12);
      EXPECT_NEAR(right[k], view.camera.rotation[k], 1e-12);
      EXPECT_EQ(trajectory[s].centre_in_world[k], view.camera.centre_in_world()[k]);
    }
  }
}

TEST(Export, WritesTextAndPredictionsWhereAskedTo) {
  TemporaryFolder folder;
  const Reconstruction reconstruction = reconstruction_of(landscape());
  write_files(result_files(reconstruction, folder.path()));
  EXPECT_THROW(read_colmap_text(folder.file("sparse/0")), IoError);
  EXPECT_THROW(read_predictions(folder.file("predictions.safetensors")), IoError);
  EXPECT_EQ(read_tum(folder.file("trajectory.tum"))[2].timestamp, 2);
  EXPECT_EQ(read_transforms(folder.file("transforms.json")).frames[2].file_path, "photo2.jpg");
  write_files(result_files(
      reconstruction, folder.path(), {.text = true, .predictions = true, .sparse_points = 500}));
  const ColmapModel binary = read_colmap(folder.file("sparse/0"));
  const ColmapModel text = read_colmap_text(folder.file("sparse/0"));
  ASSERT_EQ(binary.points.size(), 500u);
  ASSERT_EQ(text.points.size(), 500u);
  EXPECT_EQ(text.points[499].position, binary.points[499].position);
  EXPECT_EQ(text.images[2].rotation_wxyz, binary.images[2].rotation_wxyz);
  EXPECT_TRUE(at::equal(read_predictions(folder.file("predictions.safetensors")).depth,
                        reconstruction.depth));
}

TEST(Export, PhotosInFoldersKeepThemAndNoNameLeadsOut) {
  const auto stems = [](const std::vector<std::string>& names) {
    std::vector<View> views(names.size());
    for (size_t i = 0; i < names.size(); ++i) views[i].name = names[i];
    return photo_stems(views);
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(stems({"a/b.jpg", "c/b.jpg", "b.jpg"}), (Names{"a/b", "c/b", "b"}));
  EXPECT_EQ(stems({"a/b.jpg", "a/b.png"}), (Names{"a/b.jpg", "a/b.png"}));
  EXPECT_EQ(stems({"../b.jpg", "/tmp/b.jpg", "a/../../b.jpg", "./c.jpg"}),
            (Names{"_/b", "tmp/b", "a/_/_/b", "c"}));
  EXPECT_EQ(stems({"a.jpg", "a.jpg", "", "..", ".hidden"}),
            (Names{"a.jpg", "a.jpg_", "_", "__", ".hidden"}));
  TemporaryFolder folder;
  Reconstruction reconstruction = reconstruction_of(landscape(), 1);
  reconstruction.views[0].name = "a/b c.jpg";
  write_files(result_files(reconstruction, folder.path()));
  EXPECT_TRUE(at::equal(read_npy(folder.file("depth/a/b c.npy")), reconstruction.depth[0]));
}

// The mean of a voxel is not where its pixel looks; the model says by how much.
TEST(Export, TheErrorOfAPointIsHowFarItProjectsFromItsPixel) {
  Reconstruction reconstruction = reconstruction_of(turned());
  reconstruction.points = make_points(reconstruction, {.voxel = 0.2});
  const ColmapModel model = colmap_from(reconstruction);
  double largest = 0;
  for (const auto& point : model.points) {
    const auto& image = model.images.at(point.track[0].image_id - 1);
    const auto& seen = image.observations.at(point.track[0].observation);
    const auto [x, y] = project(model.cameras[image.camera_id - 1], image, point.position);
    const double error_px = std::hypot(x - seen.x_px, y - seen.y_px);
    EXPECT_NEAR(point.error_px, error_px, 1e-6 * error_px + 1e-6);
    largest = std::max(largest, error_px);
  }
  EXPECT_GT(largest, 1);
}

TEST(Export, WithoutPointsThereAreStillCameras) {
  TemporaryFolder folder;
  Reconstruction reconstruction = reconstruction_of(landscape());
  reconstruction.points = {};
  write_files(result_files(reconstruction, folder.path()));
  EXPECT_EQ(read_colmap(folder.file("sparse/0")).cameras.size(), 3u);
  EXPECT_EQ(read_ply(folder.file("points.ply")).size(), 0);
}

TEST(Export, TrackedPointsAreTheSparseModelWithTheirTracks) {
  TemporaryFolder folder;
  const Reconstruction reconstruction = reconstruction_of(turned());
  // A point before all cameras, at the pixels of the stored pictures where they see it.
  TrackedPoint tracked{{0.1, -0.1, 3}, {10, 20, 30}, {}};
  for (int32_t s : {0, 2}) {
    const Camera c = reconstruction.views[s].map.stored_camera(reconstruction.views[s].camera);
    std::array<double, 3> x = c.translation;
    for (int row = 0; row < 3; ++row) {
      for (int k = 0; k < 3; ++k) x[row] += c.rotation[3 * row + k] * tracked.position[k];
    }
    tracked.sightings.push_back(
        {s, c.fx_px * x[0] / x[2] + c.cx_px + (s == 2 ? 3 : 0), c.fy_px * x[1] / x[2] + c.cy_px});
  }
  write_files(result_files(reconstruction, folder.path(), {.tracked = {tracked}}));
  const ColmapModel model = read_colmap(folder.file("sparse/0"));
  ASSERT_EQ(model.points.size(), 1u);
  ASSERT_EQ(model.points[0].track.size(), 2u);
  EXPECT_EQ(model.points[0].track[1].image_id, 3u);
  EXPECT_NEAR(model.points[0].error_px, 1.5, 1e-9);  // of 0 and 3
  EXPECT_EQ(model.images[1].observations.size(), 0u);
  EXPECT_EQ(model.images[2].observations[0].x_px, tracked.sightings[1].x_px);

  const std::vector<TrackedPoint> back = tracked_points(model, 3, "sparse/0");
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].rgb, tracked.rgb);
  EXPECT_EQ(back[0].sightings[1].view, 2);
  EXPECT_EQ(back[0].sightings[1].x_px, tracked.sightings[1].x_px);
  EXPECT_THROW(tracked_points(model, 2, "sparse/0"), IoError);
}

}  // namespace
}  // namespace vggt
