// SPDX-License-Identifier: Apache-2.0
#include "datasets/scene_folders.h"

#include <algorithm>
#include <utility>

#include "datasets/loading.h"
#include "src/image/natural_order.h"
#include "src/io/scene_folder.h"

namespace vggt::datasets {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), ascii_lower);
  return text;
}

constexpr const char* kTrusts[] = {
    "exact", "ground truth", "sensor tracking", "published SfM", "own SfM"};

// The first words that a source contains decide.
constexpr std::pair<const char*, const char*> kTrustByWords[] = {
    {"synthetic", "exact"},
    {"ray cast", "exact"},
    {"ground truth", "ground truth"},
    {"gantry", "ground truth"},
    {"tracking", "sensor tracking"},
    {"annotation", "published SfM"},
    {"shipped", "published SfM"},
    {"structure from motion", "own SfM"},
    {"sfm", "own SfM"},
    {"colmap", "own SfM"},
};

// A source may begin with the class itself: "own SfM, COLMAP 3.8".
std::string trust_of(std::string source) {
  source = lower(source);
  for (const char* trust : kTrusts) {
    if (source.starts_with(lower(trust))) return trust;
  }
  for (const auto& [words, trust] : kTrustByWords) {
    if (source.find(words) != std::string::npos) return trust;
  }
  return "unstated";
}

void read_scene(const std::string& folder, Sequence& sequence) {
  const SceneCameras scene = read_scene_cameras(folder);
  sequence.trust = trust_of(scene.pose_source);
  sequence.units_per_metre = scene.metric_scale ? 1 : 0;
  for (const SceneFrame& frame : scene.frames) {
    Frame next{.image = folder + "/images/" + frame.file, .camera = frame.camera};
    if (!frame.depth.empty()) {
      next.depth = {.path = folder + "/" + frame.depth, .values_per_unit = scene.depth_scale};
    }
    sequence.frames.push_back(std::move(next));
  }
}

}  // namespace

Dataset load_scenes(const LoadOptions& options) {
  Dataset dataset{.name = "scenes"};
  const auto is_scene = [](const std::string& folder) { return is_file(folder + "/cameras.json"); };
  for (const std::string& folder :
       sequence_folders(options.root, "scene (cameras.json)", is_scene)) {
    const std::string name = sequence_name(options.root, folder);
    dataset.sequences.push_back(read_sequence(
        {.name = name, .category = name, .trust = "unstated"},
        [&](Sequence& sequence) { read_scene(options.root + "/" + folder, sequence); }));
  }
  return dataset;
}

}  // namespace vggt::datasets
