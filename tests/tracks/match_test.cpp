// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/match.h"

#include "tests/support/ba_scene.h"

#include <gtest/gtest.h>

#include <random>

namespace vggt::tracks {
namespace {

// Two photos of a scene; each point has its own descriptor, which both show.
struct TwoPhotos {
  ba::Problem problem;
  Features a;
  Features b;
};

TwoPhotos two_photos(int points) {
  TwoPhotos two;
  two.problem = testing::ba_scene({.photos = 5, .points = points});
  std::mt19937 random(3);
  std::exponential_distribution<double> share(1);
  for (const ba::Observation& o : two.problem.observations) {
    if (o.photo == 0) {
      two.a.keypoints.push_back({o.x_px, o.y_px});
      std::vector<double> values(kDescriptorSize);
      double sum = 0;
      for (double& value : values) sum += value = share(random);
      for (const double value : values) {
        two.a.descriptors.push_back(
            static_cast<uint8_t>(std::min(255.0, 512 * std::sqrt(value / sum))));
      }
    } else if (o.photo == 1) {
      two.b.keypoints.push_back({o.x_px, o.y_px});
    }
  }
  two.b.descriptors = two.a.descriptors;
  return two;
}

std::optional<Fundamental> guide_of(const ba::Problem& problem) {
  return fundamental_of(problem.lenses[0],
                        problem.photos[0].cam_from_world,
                        problem.lenses[0],
                        problem.photos[1].cam_from_world);
}

int64_t right(const std::vector<Match>& matches) {
  return std::count_if(matches.begin(), matches.end(), [](const Match& m) { return m.a == m.b; });
}

TEST(Fundamental, IsZeroForWhatBothPhotosShow) {
  const TwoPhotos two = two_photos(30);
  const Fundamental f = *guide_of(two.problem);
  for (int64_t i = 0; i < two.a.size(); ++i) {
    const std::array<double, 3> p = {two.a.keypoints[i].x_px, two.a.keypoints[i].y_px, 1};
    const std::array<double, 3> q = {two.b.keypoints[i].x_px, two.b.keypoints[i].y_px, 1};
    double sum = 0;
    double largest = 0;
    for (int r = 0; r < 3; ++r) {
      for (int c = 0; c < 3; ++c) {
        sum += q[r] * f[3 * r + c] * p[c];
        largest = std::max(largest, std::abs(q[r] * f[3 * r + c] * p[c]));
      }
    }
    EXPECT_NEAR(sum / largest, 0, 1e-12);
  }
}

TEST(Fundamental, IsNothingWithoutABaseline) {
  ba::Problem problem = testing::ba_scene({.photos = 2, .points = 1});
  problem.photos[1] = problem.photos[0];
  EXPECT_FALSE(guide_of(problem));
}

TEST(MatchFeatures, FindsWhatLooksAlike) {
  const TwoPhotos two = two_photos(200);
  for (const auto& guide : {std::optional<Fundamental>(), guide_of(two.problem)}) {
    const std::vector<Match> matches = match_features(two.a, two.b, guide, 2, {});
    EXPECT_EQ(matches.size(), 200U);
    EXPECT_EQ(right(matches), 200);
  }
}

TEST(MatchFeatures, LooksOnlyNearTheEpipolarLine) {
  TwoPhotos two = two_photos(200);
  for (int i = 0; i < 20; ++i) two.b.keypoints[i].y_px += 60;
  EXPECT_EQ(right(match_features(two.a, two.b, guide_of(two.problem), 2, {})), 180);
  EXPECT_EQ(right(match_features(two.a, two.b, guide_of(two.problem), 100, {})), 200);
}

TEST(MatchFeatures, DropsWhatTwoPlacesLookLike) {
  TwoPhotos two = two_photos(50);
  // Feature 7 looks as feature 3 does, in both photos.
  for (Features* f : {&two.a, &two.b}) {
    std::copy_n(&f->descriptors[3 * kDescriptorSize],
                kDescriptorSize,
                &f->descriptors[7 * kDescriptorSize]);
  }
  for (const Match& match : match_features(two.a, two.b, std::nullopt, 0, {})) {
    EXPECT_NE(match.a, 3);
    EXPECT_NE(match.a, 7);
  }
}

TEST(VerifyMatches, KeepsWhatOneGeometryExplains) {
  const TwoPhotos two = two_photos(200);
  std::vector<Match> matches;
  for (int i = 0; i < 200; ++i) matches.push_back({i, i < 150 ? i : (i + 13) % 200, 0.5F});
  const std::vector<Match> verified = verify_matches(two.a, two.b, matches, {});
  // The second search also finds those that were mixed up.
  EXPECT_EQ(right(verified), int64_t(verified.size()));
  EXPECT_GT(verified.size(), 190U);
}

TEST(VerifyMatches, GivesNothingWhereNothingFits) {
  const TwoPhotos two = two_photos(200);
  std::mt19937 random(5);
  std::vector<Match> matches;
  for (int i = 0; i < 200; ++i) matches.push_back({i, static_cast<int>(random() % 200), 0.5F});
  EXPECT_TRUE(verify_matches(two.a, two.b, matches, {}).empty());
  matches.resize(10);
  for (int i = 0; i < 10; ++i) matches[i].b = i;
  EXPECT_TRUE(verify_matches(two.a, two.b, matches, {}).empty());
  EXPECT_TRUE(verify_matches(two.a, two.b, {}, {}).empty());
}

}  // namespace
}  // namespace vggt::tracks
