// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "src/base/progress.h"
#include "src/tracks/features.h"
#include "src/tracks/match.h"
#include "src/tracks/pairs.h"
#include "src/tracks/track_set.h"

namespace vggt::tracks {

struct SiftTrackOptions {
  SiftOptions sift;
  PairOptions pairs;
  MatchOptions match;
  ProgressCallback progress;
  StageProgress::Seconds* seconds = nullptr;
};

struct SiftTracks {
  std::vector<Track> tracks;
  int64_t features = 0;
  int64_t pairs = 0;           ///< that were plausible
  int64_t matched_pairs = 0;   ///< that were verified
  int64_t unguided_pairs = 0;  ///< of these, where only a search of the whole picture found matches
  int64_t matches = 0;
  int64_t contradictions = 0;
};

/// Tracks of SIFT features. Photos are matched where `photos` makes it plausible (choose_pairs()),
/// along the epipolar lines that it predicts; where that finds nothing, in the whole picture, since
/// predictions may be wrong altogether.
///
/// load  gives the picture of a photo, of the size that `photos` says or smaller; called once for
///       each, on several threads at a time. Tracks are in the pixels of `photos`.
/// Same tracks whatever the number of threads. Throws what `load` throws; Cancelled.
SiftTracks sift_tracks(const std::vector<SeenPlaces>& photos,
                       const std::function<GreyPicture(size_t photo)>& load,
                       const SiftTrackOptions& options);

}  // namespace vggt::tracks
