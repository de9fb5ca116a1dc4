// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "src/tracks/features.h"
#include "src/tracks/match.h"

namespace vggt::tracks {

/// Where tracks come from.
enum class Source {
  kSift,   ///< matched features
  kModel,  ///< the model's track head
};

struct Sighting {
  int32_t photo = 0;
  double x_px = 0;
  double y_px = 0;
};

/// One place, and where the photos show it: each at most once, in order of the photos, two or more.
struct Track {
  Source source = Source::kSift;
  std::vector<Sighting> sightings;
};

/// Matches of two photos, by their numbers.
struct PairMatches {
  int32_t a = 0;
  int32_t b = 0;
  std::vector<Match> matches;
};

struct TrackSet {
  std::vector<Track> tracks;
  int64_t contradictions = 0;  ///< matches left out, as they would show a place twice in one photo
};

/// Joins matches into tracks (union-find), the surest first by their ratio. A match that would put
/// two places of one photo into a track is left out. Keypoints of one place that differ in their
/// orientation count as one.
TrackSet join_matches(const std::vector<Features>& photos, const std::vector<PairMatches>& pairs);

/// How many tracks there are of each length.
std::map<int64_t, int64_t> tracks_by_length(const std::vector<Track>& tracks, Source source);

/// Adds each track as a point with its observations; the point's place is the origin until it is
/// triangulated.
void add_tracks(const std::vector<Track>& tracks, ba::Problem& problem);

}  // namespace vggt::tracks
