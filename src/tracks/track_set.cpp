// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/track_set.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace vggt::tracks {
namespace {

// The first keypoint of each place, by keypoint.
std::vector<int32_t> first_of_place(const Features& features) {
  std::map<std::pair<double, double>, int32_t> firsts;
  std::vector<int32_t> first(features.keypoints.size());
  for (size_t i = 0; i < first.size(); ++i) {
    const Keypoint& keypoint = features.keypoints[i];
    first[i] = firsts.emplace(std::pair(keypoint.x_px, keypoint.y_px), static_cast<int32_t>(i))
                   .first->second;
  }
  return first;
}

}  // namespace

TrackSet join_matches(const std::vector<Features>& photos, const std::vector<PairMatches>& pairs) {
  std::vector<size_t> offsets = {0};
  std::vector<std::vector<int32_t>> places;
  for (const Features& photo : photos) {
    offsets.push_back(offsets.back() + photo.keypoints.size());
    places.push_back(first_of_place(photo));
  }
  const auto node = [&](int32_t photo, int32_t feature) {
    return offsets[photo] + static_cast<size_t>(places[photo][feature]);
  };
  std::vector<std::tuple<float, size_t, size_t>> links;
  for (const PairMatches& pair : pairs) {
    for (const Match& match : pair.matches) {
      links.emplace_back(match.ratio, node(pair.a, match.a), node(pair.b, match.b));
    }
  }
  std::sort(links.begin(), links.end());

  std::vector<size_t> parents(offsets.back());
  std::iota(parents.begin(), parents.end(), size_t{0});
  const auto root_of = [&](size_t i) {
    while (parents[i] != i) i = parents[i] = parents[parents[i]];
    return i;
  };
  // Members of a root, by photo; of roots with more than one.
  std::vector<std::vector<std::pair<int32_t, size_t>>> members(offsets.back());
  const auto members_of = [&](size_t root) {
    if (members[root].empty()) {
      const auto photo = std::upper_bound(offsets.begin(), offsets.end(), root) - offsets.begin();
      members[root] = {{static_cast<int32_t>(photo - 1), root}};
    }
  };
  TrackSet set;
  for (const auto& [ratio, from, to] : links) {
    size_t a = root_of(from);
    size_t b = root_of(to);
    if (a == b) continue;
    members_of(a);
    members_of(b);
    std::vector<std::pair<int32_t, size_t>> both;
    std::merge(members[a].begin(),
               members[a].end(),
               members[b].begin(),
               members[b].end(),
               std::back_inserter(both));
    const auto twice = std::adjacent_find(
        both.begin(), both.end(), [](const auto& x, const auto& y) { return x.first == y.first; });
    if (twice != both.end()) {
      ++set.contradictions;
      continue;
    }
    parents[b] = a;
    members[a] = std::move(both);
    members[b] = {};
  }
  for (size_t root = 0; root < members.size(); ++root) {
    if (parents[root] != root || members[root].size() < 2) continue;
    Track track;
    for (const auto& [photo, member] : members[root]) {
      const Keypoint& keypoint = photos[photo].keypoints[member - offsets[photo]];
      track.sightings.push_back({photo, keypoint.x_px, keypoint.y_px});
    }
    set.tracks.push_back(std::move(track));
  }
  return set;
}

std::map<int64_t, int64_t> tracks_by_length(const std::vector<Track>& tracks, Source source) {
  std::map<int64_t, int64_t> counts;
  for (const Track& track : tracks) {
    if (track.source == source) ++counts[static_cast<int64_t>(track.sightings.size())];
  }
  return counts;
}

void add_tracks(const std::vector<Track>& tracks, ba::Problem& problem) {
  for (const Track& track : tracks) {
    const auto point = static_cast<int32_t>(problem.points.size());
    problem.points.push_back({0, 0, 0});
    for (const Sighting& s : track.sightings) {
      problem.observations.push_back({s.photo, point, s.x_px, s.y_px});
    }
  }
}

}  // namespace vggt::tracks
