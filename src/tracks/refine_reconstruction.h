// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/ba/refine.h"
#include "src/pipeline/export.h"
#include "src/pipeline/reconstruction.h"
#include "src/tracks/depth_fit.h"
#include "src/tracks/sift_tracks.h"

namespace vggt::tracks {

/// Whose focal length is whose.
enum class SharedLens {
  kFixed,     ///< those that came in stay
  kShared,    ///< photos of one size have one lens
  kPerPhoto,  ///< each its own
};

struct RefineReconstructionOptions {
  SharedLens lens = SharedLens::kShared;
  /// One per view, or empty: 1 where the pose, or the lens, of the view is known. Known lenses stay.
  /// Known poses stay, too, or with `pose_deviation` count as measured to that accuracy.
  std::vector<uint8_t> known_pose;
  std::vector<uint8_t> known_lens;
  struct PoseDeviation {
    double rotation_rad = 0;
    double centre = 0;  ///< scene units
  };
  std::optional<PoseDeviation> pose_deviation;
  /// Refined cameras are taken only if bundle adjustment explains this share of the tracks'
  /// observations; 0: whenever it made them better.
  double min_explained = 0;
  SiftTrackOptions tracks;
  ba::RefineOptions rounds;
};

struct RefinedReconstruction {
  bool taken = false;   ///< false: the reconstruction is as it was
  std::string why_not;  ///< in words, where it was not taken
  SiftTracks tracks;
  ba::RefineReport report;
  bool lens_open = false;       ///< the photos do not determine the focal lengths, which stayed
  double explained = 0;         ///< share of the observations within outlier_px
  std::vector<DepthFit> depth;  ///< one per view
  std::vector<int32_t> groups;  ///< of the views: photos in one share points
  std::vector<TrackedPoint> points;  ///< for the sparse model
};

/// Tracks through the photos, bundle adjustment of the cameras, and everything in their frame: each
/// depth map is brought to the refined points by a scale and a shift (fit_depth()). The network's
/// depth steadies points that are seen from nearly one place, as far as it was sure of it. World and
/// scale are those of the first photo and of the farthest from it. `points` are to be made anew.
///
/// load  see sift_tracks(); in the frame of the upright photos, of any size
RefinedReconstruction refine_reconstruction(Reconstruction& reconstruction,
                                            const std::function<GreyPicture(size_t photo)>& load,
                                            const RefineReconstructionOptions& options);

}  // namespace vggt::tracks
