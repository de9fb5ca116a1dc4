// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "src/geometry/similarity.h"
#include "src/io/known_cameras.h"
#include "src/pipeline/reconstruction.h"

namespace vggt {

/// How the network's cameras lay to the known ones.
struct KnownWorld {
  Similarity known_from_network;
  int64_t posed = 0;  ///< photos whose pose is known
  /// Two of these stand apart, so that the scale is theirs; otherwise it stays the network's.
  bool has_scale = false;
  double rotation_deg = 0;  ///< median by which the network's rotations were off
  /// Median by which the network's places were off, as a share of the known cameras' spread.
  double centre_share = 0;
};

/// Brings a reconstruction into the world of the known poses, in its units: by the mean rotation
/// between both, the median ratio of the distances between cameras, and the median of what is left;
/// so a few cameras that the network got wrong do not matter. Photos with a known pose then stand
/// where it says, the others where the network put them among these. `points` are to be made anew.
/// poses  one per view. Throws ConfigError("poses") if none is known.
KnownWorld place_in_known_world(Reconstruction& reconstruction, const KnownPoses& poses);

/// Gives views their known intrinsics; those of a picture of another size, but of the same shape,
/// are scaled. Throws ConfigError("intrinsics") naming the photo: the shape is another one.
void set_known_lenses(Reconstruction& reconstruction, const KnownLenses& lenses);

/// Scales a whole reconstruction so that the cameras of two views stand `metres` apart; `points` are
/// to be made anew. Returns the factor. Throws ConfigError("scale-from"): they stand in one place.
double scale_by_distance(Reconstruction& reconstruction, size_t a, size_t b, double metres);

}  // namespace vggt
