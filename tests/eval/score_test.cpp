// SPDX-License-Identifier: Apache-2.0
#include "src/eval/score.h"

#include "src/eval/ground_truth.h"
#include "src/eval/trajectory_metrics.h"
#include "src/geometry/rigid.h"
#include "tests/support/message_of.h"
#include "tests/support/plane_and_box.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vggt::eval {
namespace {

constexpr int64_t kFrames = 4;

// The network sees the pictures at their own size, so that the truth is right to rounding; how
// pixels of other sizes meet is tested with ground_truth.
std::vector<PixelMap> maps() {
  return std::vector<PixelMap>(kFrames,
                               {.stored_width_px = 126,
                                .stored_height_px = 84,
                                .scale_x = 1,
                                .scale_y = 1,
                                .network_width_px = 126,
                                .network_height_px = 84});
}

class Score : public ::testing::Test {
 protected:
  void SetUp() override {
    predicted_ = scene_.reconstruct(maps(), {"a", "b", "c", "d"});
    predicted_.depth = predicted_.depth.clone();
    for (int64_t i = 0; i < kFrames; ++i) {
      truth_.cameras.push_back(scene_.camera(i, 126, 84));
      at::Tensor depth = scene_.render(truth_.cameras.back()).depth;
      truth_.depth.push_back(depth.masked_fill(depth >= 30, 0));
    }
    truth_.units_per_metre = 1;
    result_.frames = {3, 0, 7, 5};  // not in order of time
  }

  // The prediction in another unit.
  void scale_prediction(double factor) {
    predicted_.depth.mul_(factor);
    for (View& view : predicted_.views) {
      for (double& t : view.camera.translation) t *= factor;
    }
  }

  PlaneAndBox scene_{kFrames};
  Reconstruction predicted_;
  Truth truth_;
  SequenceResult result_;
};

TEST_F(Score, OfTheTruthInAnotherUnitIsRight) {
  scale_prediction(0.2);
  score(predicted_, truth_, {.most_points = 8000}, result_);
  const PoseScores poses = score_pairs(result_.pairs);
  EXPECT_EQ(poses.pairs, 6);
  EXPECT_EQ(poses.auc[0], 1);
  ASSERT_TRUE(result_.trajectory);
  EXPECT_LT(result_.trajectory->ate_rmse, 1e-9);
  // In order of time: the second photo came first.
  EXPECT_EQ(result_.true_centres[0], truth_.cameras[1].centre_in_world());
  ASSERT_EQ(result_.depth.size(), 3);
  constexpr double kFloat = 1e-4;  // float32 depth and points up to 5 units away, scaled and moved
  for (const auto& [name, depth] : result_.depth) {
    EXPECT_LT(depth.abs_rel, kFloat) << name;
    EXPECT_EQ(depth.delta[0], 1) << name;
  }
  ASSERT_TRUE(result_.points);
  EXPECT_EQ(result_.points->predicted_points, 8000);
  // The same draw of both clouds, so each point finds its own.
  EXPECT_LT(result_.points->accuracy.mean, kFloat);
  EXPECT_LT(result_.points->completeness.mean, kFloat);
  EXPECT_GT(result_.points->normals.median, 0.999);
  EXPECT_EQ(result_.points->f_scores[0].f, 1);
  EXPECT_EQ(result_.points->f_scores.size(), 4);
  EXPECT_EQ(result_.points->f_scores[3].distance, 0.1);
}

TEST_F(Score, NoticesAWrongDepthAndAWrongPose) {
  predicted_.depth.slice(2, 0, 40).mul_(2);
  score(predicted_, truth_, {.most_points = 2000}, result_);
  EXPECT_GT(result_.depth[0].second.abs_rel, 0.1);
  EXPECT_GT(result_.points->accuracy.mean, 0.05);
  EXPECT_EQ(score_pairs(result_.pairs).auc[3], 1);
  predicted_ = scene_.reconstruct(maps(), {"a", "b", "c", "d"});
  std::swap(predicted_.views[0].camera, predicted_.views[1].camera);
  SequenceResult swapped;
  swapped.frames = result_.frames;
  score(predicted_, truth_, {.points = false}, swapped);
  EXPECT_LT(score_pairs(swapped.pairs).auc[3], 0.9);
  EXPECT_FALSE(swapped.points);
}

// What is left of a path then are rounding errors, and their ratio to the extent is anything.
TEST_F(Score, CamerasThatOnlyTurnHaveNoTrajectory) {
  for (Camera& camera : truth_.cameras) {
    const Rigid pose = cam_from_world(camera);
    const Rigid to_place{{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0.1, 0.2, 0.3}};
    camera = placed(camera, Rigid{pose.rotation, {0, 0, 0}} * to_place);
  }
  truth_.depth.clear();
  score(predicted_, truth_, {}, result_);
  EXPECT_EQ(score_pairs(result_.pairs).degenerate, 6);
  EXPECT_FALSE(result_.trajectory);
  EXPECT_EQ(result_.true_centres.size(), 4);
}

TEST_F(Score, LikeFastVggtTakesInvertedPosesForTheTrajectory) {
  // In whatever world the truth is, the first photo's camera becomes it.
  const Rigid new_from_old{{0, -1, 0, 1, 0, 0, 0, 0, 1}, {3, -2, 5}};
  std::vector<Camera> relative = truth_.cameras;
  for (Camera& camera : truth_.cameras) {
    camera = placed(camera, cam_from_world(camera) * inverse(new_from_old));
  }
  score(predicted_, truth_, {.points = false, .compat = Compat::kFastVggt}, result_);
  ASSERT_TRUE(result_.trajectory);
  EXPECT_LT(result_.trajectory->ate_rmse, 1e-9);
  for (int k = 0; k < 3; ++k) {
    EXPECT_NEAR(result_.true_centres[0][k], relative[1].translation[k], 1e-12);
  }
  // A turned camera is in the right place, but not by this measure.
  Camera& turned = predicted_.views[2].camera;
  const Rigid turn{{0, -1, 0, 1, 0, 0, 0, 0, 1}, {0, 0, 0}};
  turned = placed(turned, turn * cam_from_world(turned));
  SequenceResult standard;
  standard.frames = result_.frames;
  score(predicted_, truth_, {.points = false}, standard);
  score(predicted_, truth_, {.points = false, .compat = Compat::kFastVggt}, result_);
  EXPECT_LT(standard.trajectory->ate_rmse, 1e-9);
  EXPECT_GT(result_.trajectory->ate_rmse, 0.01);
}

TEST_F(Score, LikeCut3rMatchesPointsByMedians) {
  scale_prediction(0.2);
  score(predicted_, truth_, {.most_points = 2000, .compat = Compat::kCut3r}, result_);
  ASSERT_TRUE(result_.points);
  EXPECT_LT(result_.points->accuracy.mean, 1e-4);
  EXPECT_GT(result_.points->predicted_points, 2000);  // its own limit is higher
  // A part that is twice as far turns the Sim(3), but no median.
  predicted_.depth.slice(1, 0, 20).mul_(2);
  SequenceResult standard;
  standard.frames = result_.frames;
  score(predicted_, truth_, {.most_points = 0}, standard);
  score(predicted_, truth_, {.compat = Compat::kCut3r}, result_);
  SequenceResult aligned;
  aligned.frames = result_.frames;
  score(predicted_, truth_, {.compat = Compat::kCut3rAligned}, aligned);
  EXPECT_LT(result_.points->accuracy.median, 0.8 * standard.points->accuracy.median);
  EXPECT_NEAR(aligned.points->accuracy.median, standard.points->accuracy.median, 1e-3);
}

TEST_F(Score, LikeCut3rLooksAtTheMiddleOfLargePictures) {
  std::vector<PixelMap> large = maps();
  for (PixelMap& map : large) {
    map.scale_x = map.scale_y = 2;
    map.network_width_px = 252;
    map.network_height_px = 168;
  }
  predicted_ = scene_.reconstruct(large, {"a", "b", "c", "d"});
  score(predicted_, truth_, {.most_points = 0}, result_);
  SequenceResult middle;
  middle.frames = result_.frames;
  score(predicted_, truth_, {.compat = Compat::kCut3r}, middle);
  EXPECT_LE(middle.points->predicted_points, 224 * 168 * kFrames);
  EXPECT_LT(middle.points->predicted_points, result_.points->predicted_points);
  EXPECT_GT(middle.points->predicted_points, result_.points->predicted_points * 4 / 5);
}

TEST_F(Score, StretchesNeedALongWay) {
  score(predicted_, truth_, {.points = false}, result_);
  EXPECT_FALSE(result_.stretches);
  scale_prediction(1000);
  for (Camera& camera : truth_.cameras) {
    for (double& t : camera.translation) t *= 1000;
  }
  truth_.depth.clear();
  result_ = {.frames = {0, 1, 2, 3}};
  score(predicted_, truth_, {}, result_);
  ASSERT_TRUE(result_.stretches);
  EXPECT_LT(result_.stretches->translation_percent, 1e-6);
}

class ScoreScan : public Score {
 protected:
  void SetUp() override {
    Score::SetUp();
    predicted_.confidence = at::full_like(predicted_.depth, 5);
    std::vector<at::Tensor> points;
    for (int64_t i = 0; i < kFrames; ++i) {
      const at::Tensor map =
          points_on_network(truth_.depth[i], truth_.cameras[i], maps()[i]).view({-1, 3});
      points.push_back(map.index_select(0, at::isfinite(map.select(1, 0)).nonzero().select(1, 0)));
    }
    surface_ = at::cat(points);
    // The sky, which the surface does not have.
    predicted_.depth.masked_fill_(predicted_.depth >= 30, 0);
    scale_prediction(0.2);
  }

  at::Tensor surface_;
};

TEST_F(ScoreScan, LikeScanNet50AlignsBoxesAndCameras) {
  truth_.scan = Scan{.points = surface_};
  score(predicted_, truth_, {.most_points = 50000}, result_);
  ASSERT_EQ(result_.scans.size(), 2);
  EXPECT_EQ(result_.scans[0].first, "bounding_box");
  EXPECT_EQ(result_.scans[1].first, "cameras");
  for (const auto& [name, scores] : result_.scans) {
    EXPECT_LT(scores.clipped_sum, 0.01) << name;
    EXPECT_LT(scores.predicted_points, surface_.size(0) / 2) << name;  // one in each 5 cm
  }
  // One stray point makes the box larger; the cameras stay where they are.
  predicted_.depth[0][83][0] *= 0.01;
  predicted_.depth[1][0][0] = 8;
  score(predicted_, truth_, {.most_points = 50000}, result_);
  EXPECT_GT(result_.scans[0].second.clipped_sum, 0.1);
  EXPECT_LT(result_.scans[1].second.clipped_sum, 0.05);
  // Points of little confidence do not count.
  predicted_.confidence.fill_(2.9);
  score(predicted_, truth_, {}, result_);
  EXPECT_TRUE(result_.scans.empty());
}

TEST_F(ScoreScan, LikeTanksAndTemplesRefinesAndCrops) {
  const Similarity scan_from_world{3, {0, -1, 0, 1, 0, 0, 0, 0, 1}, {1, 2, 3}};
  const at::Tensor points = scan_from_world.apply(surface_);
  // The true cameras are a little off, which ICP puts right.
  truth_.cameras[0].translation[0] += 0.02;
  const auto [low, low_at] = points.min(0);
  const auto [high, high_at] = points.max(0);
  const double middle = ((low[2] + high[2]) / 2).item<double>();
  CropVolume whole{
      .axis = 2, .low = -1e3, .high = 1e3, .polygon = {{-1e3, -1e3}, {1e3, -1e3}, {0, 2e3}}};
  truth_.scan =
      Scan{.points = points, .scan_from_world = scan_from_world, .f_distance = 0.05, .crop = whole};
  score(predicted_, truth_, {}, result_);
  ASSERT_EQ(result_.scans.size(), 1);
  const PointScores all = result_.scans[0].second;
  EXPECT_EQ(all.f_scores[0].distance, 0.05);
  EXPECT_GT(all.f_scores[0].f, 0.99);
  // Half of it.
  truth_.scan->crop->high = middle;
  score(predicted_, truth_, {}, result_);
  ASSERT_EQ(result_.scans.size(), 1);
  EXPECT_LT(result_.scans[0].second.true_points, all.true_points);
  EXPECT_GT(result_.scans[0].second.f_scores[0].f, 0.95);
  // Nothing of it.
  truth_.scan->crop->high = -1e2;
  score(predicted_, truth_, {}, result_);
  EXPECT_TRUE(result_.scans.empty());
}

// The surface once more as a scan in millimetres, half of its box observed, all of it above the table.
TEST_F(ScoreScan, LikeDtuCountsWhatIsObservedAndAboveTheTable) {
  constexpr double kMillimetres = 1000;
  for (Camera& camera : truth_.cameras) {
    for (double& t : camera.translation) t *= kMillimetres;
  }
  const at::Tensor points = surface_ * kMillimetres;
  const at::Tensor low = std::get<0>(points.min(0));
  const at::Tensor high = std::get<0>(points.max(0));
  ObservedVolume observed{.cubes = at::ones({2, 1, 1}, at::kBool), .cube = 1};
  double widest = 0;
  for (int64_t k = 0; k < 3; ++k) {
    observed.low[static_cast<size_t>(k)] = low[k].item<double>() - 1;
    observed.high[static_cast<size_t>(k)] = high[k].item<double>() + 1;
    widest = std::max(widest, (high[k] - low[k]).item<double>() + 2);
  }
  observed.cube = 2 * widest;  // the first cube holds all
  truth_.scan = Scan{.points = points, .observed = observed};
  score(predicted_, truth_, {}, result_);
  ASSERT_EQ(result_.scans.size(), 1);
  EXPECT_EQ(result_.scans[0].first, "cameras");
  const PointScores all = result_.scans[0].second;
  // float32 depth of some thousand millimetres.
  EXPECT_LT(all.accuracy.mean, 0.01);
  // Points nearer than 0.2 mm to another are left out, so the scan's own are that far at most.
  EXPECT_LT(all.completeness.mean, 0.2);
  EXPECT_DOUBLE_EQ(all.chamfer, (all.accuracy.mean + all.completeness.mean) / 2);
  EXPECT_TRUE(std::isnan(all.clipped_sum));
  EXPECT_EQ(all.true_points, points.size(0));

  // A table in the middle hides what is below it from completeness, not from accuracy.
  const double middle = ((low[0] + high[0]) / 2).item<double>();
  truth_.scan->observed->plane = {1, 0, 0, -middle};
  score(predicted_, truth_, {}, result_);
  const PointScores above = result_.scans[0].second;
  EXPECT_EQ(above.true_points, points.select(1, 0).gt(middle).sum().item<int64_t>());
  EXPECT_EQ(above.predicted_points, all.predicted_points);

  // What is observed decides of accuracy, not of completeness.
  truth_.scan->observed = observed;
  truth_.scan->observed->cube = middle - observed.low[0];  // nearer to the second from half way on
  truth_.scan->observed->cubes = at::ones({3, 99, 99}, at::kBool);
  truth_.scan->observed->cubes.slice(0, 1).fill_(false);
  score(predicted_, truth_, {}, result_);
  const PointScores seen = result_.scans[0].second;
  EXPECT_LT(seen.predicted_points, all.predicted_points);
  EXPECT_GT(seen.predicted_points, 0);
  EXPECT_EQ(seen.true_points, all.true_points);

  // What is 20 mm and more away does not count; nothing is left if that is all.
  truth_.scan->observed = observed;
  truth_.scan->points = at::cat({points, points.slice(0, 0, 2000) + 500});
  truth_.scan->observed->high[2] += 600;
  truth_.scan->observed->high[1] += 600;
  truth_.scan->observed->high[0] += 600;
  score(predicted_, truth_, {}, result_);
  EXPECT_LT(result_.scans[0].second.completeness.mean, 0.2);
  truth_.scan->points = points + 5000;
  score(predicted_, truth_, {}, result_);
  EXPECT_TRUE(result_.scans.empty());
}

TEST_F(Score, WithoutTrueDepthThereArePosesOnly) {
  truth_.depth.clear();
  score(predicted_, truth_, {}, result_);
  EXPECT_EQ(result_.pairs.size(), 6);
  EXPECT_TRUE(result_.depth.empty());
  EXPECT_FALSE(result_.points);
}

TEST_F(Score, AnArbitraryUnitIsComparedWithTheExtent) {
  truth_.units_per_metre = 0;
  score(predicted_, truth_, {.most_points = 2000}, result_);
  EXPECT_GT(result_.point_unit, 0.5);
  EXPECT_LT(result_.point_unit, 5);
  EXPECT_DOUBLE_EQ(result_.points->f_scores[0].distance, 0.01 * result_.point_unit);
}

TEST_F(Score, OtherPhotosAreRefused) {
  truth_.cameras.pop_back();
  EXPECT_FALSE(message_of<c10::Error>([&] { score(predicted_, truth_, {}, result_); }).empty());
}

}  // namespace
}  // namespace vggt::eval
