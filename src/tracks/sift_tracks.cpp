// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/sift_tracks.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "src/base/parallel.h"

namespace vggt::tracks {

SiftTracks sift_tracks(const std::vector<SeenPlaces>& photos,
                       const std::function<GreyPicture(size_t photo)>& load,
                       const SiftTrackOptions& options) {
  SiftTracks result;
  std::vector<Features> features(photos.size());
  {
    StageProgress stage(
        "features", static_cast<int64_t>(photos.size()), options.progress, options.seconds);
    on_all_cores(photos.size(), stage, [&](size_t s) {
      const GreyPicture picture = load(s);
      features[s] = detect_sift(picture, options.sift);
      const double scale_x = photos[s].width_px / static_cast<double>(picture.width_px);
      const double scale_y = photos[s].height_px / static_cast<double>(picture.height_px);
      for (Keypoint& keypoint : features[s].keypoints) {
        keypoint.x_px *= scale_x;
        keypoint.y_px *= scale_y;
      }
    });
  }
  const std::vector<PhotoPair> pairs = choose_pairs(photos, options.pairs);
  std::vector<PairMatches> matched(pairs.size());
  std::vector<uint8_t> unguided(pairs.size());
  {
    StageProgress stage(
        "matching", static_cast<int64_t>(pairs.size()), options.progress, options.seconds);
    on_all_cores(pairs.size(), stage, [&](size_t i) {
      const SeenPlaces& a = photos[pairs[i].a];
      const SeenPlaces& b = photos[pairs[i].b];
      const Features& in_a = features[pairs[i].a];
      const Features& in_b = features[pairs[i].b];
      const auto verified = [&](const std::optional<Fundamental>& guide) {
        const double band_px = std::max(a.lens.fx_px, b.lens.fx_px) *
                               std::tan(options.match.guide_deg * std::numbers::pi / 180);
        return verify_matches(
            in_a, in_b, match_features(in_a, in_b, guide, band_px, options.match), options.match);
      };
      const std::optional<Fundamental> guide =
          fundamental_of(a.lens, a.cam_from_world, b.lens, b.cam_from_world);
      matched[i] = {pairs[i].a, pairs[i].b, verified(guide)};
      if (matched[i].matches.empty() && guide) {
        matched[i].matches = verified(std::nullopt);
        unguided[i] = !matched[i].matches.empty();
      }
    });
  }
  TrackSet set = join_matches(features, matched);
  for (const Features& f : features) result.features += f.size();
  result.pairs = static_cast<int64_t>(pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    result.matched_pairs += !matched[i].matches.empty();
    result.unguided_pairs += unguided[i];
    result.matches += static_cast<int64_t>(matched[i].matches.size());
  }
  result.contradictions = set.contradictions;
  result.tracks = std::move(set.tracks);
  return result;
}

}  // namespace vggt::tracks
