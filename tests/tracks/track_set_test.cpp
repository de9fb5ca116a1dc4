// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/track_set.h"

#include "src/tracks/pairs.h"
#include "tests/support/ba_scene.h"

#include <gtest/gtest.h>

namespace vggt::tracks {
namespace {

// Photos with this many keypoints each, at (photo, number).
std::vector<Features> photos(int count, int keypoints) {
  std::vector<Features> all(count);
  for (int s = 0; s < count; ++s) {
    for (int i = 0; i < keypoints; ++i) all[s].keypoints.push_back({double(s), double(i)});
  }
  return all;
}

TEST(JoinMatches, ChainsPairsIntoTracks) {
  const TrackSet set =
      join_matches(photos(3, 4), {{0, 1, {{0, 1, 0.1F}, {2, 2, 0.1F}}}, {1, 2, {{1, 3, 0.2F}}}});
  ASSERT_EQ(set.tracks.size(), 2U);
  ASSERT_EQ(set.tracks[0].sightings.size(), 3U);
  for (int s = 0; s < 3; ++s) EXPECT_EQ(set.tracks[0].sightings[s].photo, s);
  EXPECT_EQ(set.tracks[0].sightings[2].y_px, 3);
  EXPECT_EQ(set.tracks[1].sightings.size(), 2U);
  EXPECT_EQ(set.contradictions, 0);
  const auto lengths = tracks_by_length(set.tracks, Source::kSift);
  EXPECT_EQ(lengths, (std::map<int64_t, int64_t>{{2, 1}, {3, 1}}));
  EXPECT_TRUE(tracks_by_length(set.tracks, Source::kModel).empty());
}

TEST(JoinMatches, LeavesOutTheLessSureOfTwoThatContradict) {
  // 0:0 - 1:0 - 2:0 - 0:1 would show one place twice in photo 0.
  const TrackSet set = join_matches(
      photos(3, 2), {{0, 1, {{0, 0, 0.1F}}}, {1, 2, {{0, 0, 0.2F}}}, {0, 2, {{1, 0, 0.5F}}}});
  EXPECT_EQ(set.contradictions, 1);
  ASSERT_EQ(set.tracks.size(), 1U);
  EXPECT_EQ(set.tracks[0].sightings[0].y_px, 0);
  EXPECT_EQ(set.tracks[0].sightings.size(), 3U);
}

TEST(JoinMatches, OrientationsOfOnePlaceAreOne) {
  std::vector<Features> all = photos(3, 2);
  all[1].keypoints[1] = all[1].keypoints[0];
  const TrackSet set = join_matches(all, {{0, 1, {{0, 0, 0.1F}}}, {1, 2, {{1, 0, 0.1F}}}});
  ASSERT_EQ(set.tracks.size(), 1U);
  EXPECT_EQ(set.tracks[0].sightings.size(), 3U);
}

TEST(AddTracks, MakesAPointOfEach) {
  const TrackSet set = join_matches(photos(2, 3), {{0, 1, {{0, 1, 0.1F}, {2, 2, 0.1F}}}});
  ba::Problem problem;
  problem.points = {{1, 2, 3}};
  add_tracks(set.tracks, problem);
  EXPECT_EQ(problem.points.size(), 3U);
  ASSERT_EQ(problem.observations.size(), 4U);
  EXPECT_EQ(problem.observations[3].point, 2);
  EXPECT_EQ(problem.observations[3].photo, 1);
  EXPECT_EQ(problem.observations[3].y_px, 2);
}

std::vector<SeenPlaces> ring(int count, bool with_places) {
  const ba::Problem scene = testing::ba_scene({.photos = count, .points = 50});
  std::vector<SeenPlaces> photos;
  for (const ba::Photo& photo : scene.photos) {
    photos.push_back({scene.lenses[0], photo.cam_from_world, 640, 480, {}});
    if (with_places) photos.back().places = scene.points;
  }
  return photos;
}

TEST(ChoosePairs, TakesPhotosThatSeeTheSame) {
  std::vector<SeenPlaces> photos = ring(4, true);
  // The last looks the other way: nothing of it is in sight of the others.
  for (auto& place : photos[3].places) place[2] -= 100;
  auto& r = photos[3].cam_from_world.rotation;
  for (int k : {0, 1, 2, 6, 7, 8}) r[k] = -r[k];
  for (const PhotoPair& pair : choose_pairs(photos, {.least = 0})) EXPECT_NE(pair.b, 3);
  EXPECT_EQ(choose_pairs(photos, {.least = 0}).size(), 3U);
}

TEST(ChoosePairs, LimitsThePairsOfAPhotoAndKeepsTheLeast) {
  EXPECT_EQ(choose_pairs(ring(10, true), {.min_overlap = 2, .least = 0}).size(), 0U);
  const auto few = choose_pairs(ring(10, true), {.min_overlap = 2, .least = 1});
  EXPECT_GE(few.size(), 5U);
  EXPECT_LE(few.size(), 10U);
  EXPECT_LE(choose_pairs(ring(10, true), {.most = 2}).size(), 20U);
}

TEST(ChoosePairs, ComparesDirectionsWithoutPlaces) {
  const auto pairs = choose_pairs(ring(7, false), {.least = 0});
  for (const PhotoPair& pair : pairs) EXPECT_LE(pair.b - pair.a, 4);  // of 15 degrees each
  EXPECT_GT(pairs.size(), 10U);
}

}  // namespace
}  // namespace vggt::tracks
