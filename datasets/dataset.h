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
  /// Where in that file the picture is, if it holds many (ScanNet's .sens); 0 bytes: all of it.
  uint64_t image_at = 0;
  uint64_t image_bytes = 0;
  /// The true camera. The pose is always known; sizes and focal lengths are 0 where the data set
  /// does not tell them.
  Camera camera;
  DepthFile depth;  ///< its path is empty where there is none
};

/// A surface that was measured apart from the photos, in their world, that points are compared with.
struct ScanFile {
  std::string path;       ///< a PLY; empty: there is none
  std::string transform;  ///< of scan_from_world, 4 x 4 in a text file; empty: they are one
  std::string crop;       ///< what of it counts, as Tanks and Temples' JSON has it; empty: all
  double f_distance = 0;  ///< of the F-score, in the scan's units; 0: no such protocol
  std::string observed;   ///< DTU's ObsMask<N>_10.mat; empty: not DTU's protocol
  std::string ground;     ///< DTU's Plane<N>.mat
};

/// Photos of one place with known poses.
struct Sequence {
  std::string name;            ///< different for each sequence of a data set
  std::string category;        ///< pairs of one category are pooled before they are scored
  std::string trust;           ///< how the poses were found: "ground truth", "own SfM", ...
  double units_per_metre = 0;  ///< of translations and depth; 0: the unit is arbitrary
  std::vector<Frame> frames;
  ScanFile scan;
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
  std::string split;  ///< as split_of() gives it
};

}  // namespace vggt::datasets
