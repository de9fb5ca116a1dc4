// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/depth_file.h"
#include "src/geometry/camera.h"

namespace vggt::datasets {

/// One photo of a sequence.
struct Frame {
  std::string image;  ///< path of the file
  /// The true camera. The pose is always known; sizes and focal lengths are 0 where the data set
  /// does not tell them.
  Camera camera;
  DepthFile depth;  ///< its path is empty where there is none
};

/// Photos of one place with known poses.
struct Sequence {
  std::string name;            ///< different for each sequence of a data set
  std::string category;        ///< pairs of one category are pooled before they are scored
  std::string trust;           ///< how the poses were found: "ground truth", "own SfM", ...
  double units_per_metre = 0;  ///< of translations and depth; 0: the unit is arbitrary
  std::vector<Frame> frames;
  /// Why the sequence cannot be scored; empty where it can. Such a sequence still takes its draw of
  /// frames, so that the others' do not change, unless the protocol leaves it out.
  std::string problem;
  bool left_out_by_protocol = false;
};

/// What a loader found. A file that is missing or broken spoils its sequence only.
struct Dataset {
  std::string name;
  std::vector<Sequence> sequences;    ///< in the order of the protocol
  std::vector<std::string> problems;  ///< of files that belong to no one sequence
};

struct LoadOptions {
  std::string root;   ///< the data set's folder
  std::string split;  ///< "test", "train", ... ; empty: the one of the protocol
};

}  // namespace vggt::datasets
