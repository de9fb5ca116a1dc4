// SPDX-License-Identifier: Apache-2.0
// Writes a synthetic scene in every format we have into a new folder, for readers in other
//   languages: write_every_format <folder>
#include "src/image/export_scene.h"
#include "src/io/npz.h"
#include "src/pipeline/export.h"
#include "src/pipeline/point_filter.h"
#include "tests/support/plane_and_box.h"

#include <ATen/ATen.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace vggt {
namespace {

void write(const std::string& folder) {
  // Photos of 960 x 640 pixels, as stored; the second one was taken with the phone turned.
  PixelMap map;
  map.stored_width_px = 960;
  map.stored_height_px = 640;
  map.network_width_px = 126;
  map.network_height_px = 84;
  map.scale_x = map.scale_y = 126.0 / 960;
  PixelMap turned = map;
  std::swap(turned.stored_width_px, turned.stored_height_px);
  turned.orientation = 6;
  Reconstruction scene = PlaneAndBox(3).reconstruct(
      {map, turned, map}, {"a.jpg", "below/b \xC3\xA9.jpg", "below/c.jpg"});
  scene.depth = at::where(scene.depth < 30, scene.depth, 0.0f);  // no points of the sky
  scene.mask = at::ones(scene.depth.sizes(), at::kBool);
  scene.mask[0][0].fill_(false);
  scene.points = make_points(scene, {.edge_ratio = 0.03, .max_points = 6000, .normals = true});
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const MapScales scales = map_scales(scene);
  write_files(result_files(scene, folder, {.text = true, .predictions = true}));
  write_files(scene_files(scene, folder, scales));
  write_npz(folder + "/result.npz", npz_from(scene));
  std::ofstream file(folder + "/depth_scale.txt");
  file.precision(17);
  file << scales.depth << "\n";
}

}  // namespace
}  // namespace vggt

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: write_every_format <folder>\n";
    return 2;
  }
  try {
    vggt::write(arguments[1]);
  } catch (const std::exception& error) {
    std::cerr << "write_every_format: " << error.what() << "\n";
    return 1;
  }
}
