// SPDX-License-Identifier: Apache-2.0
#include "datasets/registry.h"

#include <algorithm>

#include "datasets/co3d.h"
#include "datasets/colmap_scenes.h"
#include "datasets/dtu.h"
#include "datasets/eth3d.h"
#include "datasets/kitti.h"
#include "datasets/nrgbd.h"
#include "datasets/re10k.h"
#include "datasets/scannet.h"
#include "datasets/scene_folders.h"
#include "datasets/seven_scenes.h"
#include "datasets/tanks_and_temples.h"
#include "datasets/transforms_scenes.h"
#include "datasets/tum_rgbd.h"
#include "src/base/error.h"

namespace vggt::datasets {

const std::vector<Loader>& loaders() {
  static const std::vector<Loader> all = {
      {"7scenes", "7-Scenes", {.splits = {"test", "train", "all"}}, load_seven_scenes},
      {"co3d",
       "CO3Dv2, by the published protocol",
       {.least_frames = 50,
        .one_stream = true,
        .find_degenerate = false,
        .splits = {"test", "train"}},
       load_co3d},
      {"colmap", "folders with COLMAP models", {}, load_colmap},
      {"dtu", "DTU as MVSNet or NeuS prepared it", {.splits = {"test", "all"}}, load_dtu},
      {"eth3d", "ETH3D", {}, load_eth3d},
      {"kitti", "KITTI odometry", {}, load_kitti},
      {"nrgbd", "Neural RGB-D", {}, load_nrgbd},
      {"re10k", "RealEstate10K", {.splits = {"test", "train"}}, load_re10k},
      {"scannet", "ScanNet", {.splits = {"50", "all"}}, load_scannet},
      {"scenes", "folders with cameras.json, as 'vggt synth' writes them", {}, load_scenes},
      {"tanks", "Tanks and Temples", {}, load_tanks_and_temples},
      {"transforms", "folders with transforms.json", {}, load_transforms},
      {"tum", "TUM RGB-D", {.splits = {"all", "90"}}, load_tum}};
  return all;
}

const Loader& loader(const std::string& name) {
  std::string names;
  for (const Loader& each : loaders()) {
    if (each.name == name) return each;
    names += (names.empty() ? "" : ", ") + std::string(each.name);
  }
  throw ConfigError("dataset", "'" + name + "' is none of " + names);
}

std::string split_of(const Loader& loader, const std::string& asked) {
  const std::vector<std::string>& splits = loader.protocol.splits;
  if (asked.empty()) return splits.empty() ? "" : splits.front();
  if (std::find(splits.begin(), splits.end(), asked) != splits.end()) return asked;
  if (splits.empty()) {
    throw ConfigError("split", std::string(loader.name) + " has no parts; leave it out");
  }
  std::string names;
  for (const std::string& split : splits) names += (names.empty() ? "" : ", ") + split;
  throw ConfigError("split", "'" + asked + "' is none of those of " + loader.name + ": " + names);
}

}  // namespace vggt::datasets
