// SPDX-License-Identifier: Apache-2.0
// write_co3d_tree <folder> <photos>: a tree of three of CO3D's categories for tests of the program,
// two sequences each, of 52 frames: copies of the photos with poses that have nothing to do with
// them. In the second bench a viewpoint is missing, in the second cup all photos are.
// write_co3d_tree <folder> --scene <scene>: a scene with cameras.json as the one apple.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "src/io/scene_folder.h"
#include "tests/support/camera_path.h"
#include "tests/support/co3d_tree.h"

namespace {

using vggt::testing::Co3dTree;

void write_scene(const std::string& folder, const std::string& scene) {
  std::vector<Co3dTree::Frame> frames;
  for (const vggt::SceneFrame& frame : vggt::read_scene_cameras(scene).frames) {
    frames.push_back({scene + "/images/" + frame.file, frame.camera});
  }
  Co3dTree tree(folder);
  tree.add_sequence("apple", "1_1_1", frames, 0.9);
  tree.write();
}

void write_three_categories(const std::string& folder, const std::string& photos) {
  std::vector<std::string> pictures;
  for (const auto& entry : std::filesystem::directory_iterator(photos)) {
    pictures.push_back(entry.path().string());
  }
  std::sort(pictures.begin(), pictures.end());
  Co3dTree tree(folder);
  for (const std::string category : {"apple", "bench", "cup"}) {
    for (const std::string name : {"1_1_1", "2_2_2"}) {
      std::vector<Co3dTree::Frame> frames;
      for (const vggt::Camera& camera : vggt::testing::winding_path(52)) {
        frames.push_back({pictures[frames.size() % pictures.size()], camera});
      }
      if (category == "bench" && name == "2_2_2") frames[20].with_viewpoint = false;
      if (category == "cup" && name == "2_2_2") {
        for (auto& frame : frames) frame.picture.clear();
      }
      tree.add_sequence(category, name, frames, 0.9);
    }
  }
  tree.write();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 3) {
      write_three_categories(argv[1], argv[2]);
    } else if (argc == 4 && std::string(argv[2]) == "--scene") {
      write_scene(argv[1], argv[3]);
    } else {
      std::fputs("write_co3d_tree <folder> <photos> | <folder> --scene <scene>\n", stderr);
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
