// SPDX-License-Identifier: Apache-2.0
#include "src/image/export_scene.h"

#include "src/image/map_png.h"
#include "tests/support/plane_and_box.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <filesystem>

namespace vggt {
namespace {

TEST(ExportScene, WritesTheSceneAndTheMapsOfEveryPhotoAtOneScale) {
  TemporaryFolder folder;
  PixelMap map;
  map.stored_width_px = map.network_width_px = 98;
  map.stored_height_px = map.network_height_px = 70;
  Reconstruction reconstruction = PlaneAndBox(2).reconstruct({map, map}, {"a.jpg", "below/b.jpg"});
  reconstruction.depth[1] *= 0.5;
  const MapScales scales = map_scales(reconstruction);
  write_files(scene_files(reconstruction, folder.path(), scales));
  EXPECT_NEAR(scales.depth, 65535 / 30.0, 1e-6) << "the sky is at 30";
  EXPECT_GT(std::filesystem::file_size(folder.file("scene.glb")),
            static_cast<uintmax_t>(16 * reconstruction.points.size()));
  for (const auto& [s, name] : {std::pair(0, "/a.png"), std::pair(1, "/below/b.png")}) {
    const auto worst = [&](const std::string& kind, const at::Tensor& maps, double scale) {
      const at::Tensor read = read_map_png(folder.file(kind + name), scale);
      // The percentile leaves a thousandth of the values above the largest step.
      return (read - maps[s].clamp_max(65535 / scale)).abs().max().item<double>() * scale;
    };
    EXPECT_LE(worst("depth", reconstruction.depth, scales.depth), 0.51) << name;
    EXPECT_LE(worst("confidence", reconstruction.confidence, scales.confidence), 0.51) << name;
  }
}

TEST(ExportScene, AResultAsArraysSurvivesItsFile) {
  TemporaryFolder folder;
  PixelMap map;
  map.stored_width_px = map.network_width_px = 98;
  map.stored_height_px = map.network_height_px = 70;
  const Reconstruction scene = PlaneAndBox(2).reconstruct({map, map}, {"a.jpg", "below/b.jpg"});
  write_npz(folder.file("a.npz"), npz_from(scene));
  const NpzFile read = read_npz(folder.file("a.npz"));
  EXPECT_EQ(read.texts.at("names"), (std::vector<std::string>{"a.jpg", "below/b.jpg"}));
  EXPECT_EQ(read.texts.at("files"), (std::vector<std::string>{"a", "below/b"}));
  EXPECT_TRUE(at::equal(read.tensors.at("depth"), scene.depth));
  EXPECT_TRUE(at::equal(read.tensors.at("position"), scene.points.position));
  EXPECT_FALSE(read.tensors.contains("normal"));
  const Camera& camera = scene.views[1].camera;
  EXPECT_EQ(read.tensors.at("intrinsics")[1][1][2].item<double>(), camera.cy_px);
  EXPECT_EQ(read.tensors.at("cam_from_world")[1][0][1].item<double>(), camera.rotation[1]);
  EXPECT_EQ(read.tensors.at("cam_from_world")[1][2][3].item<double>(), camera.translation[2]);
}

}  // namespace
}  // namespace vggt
