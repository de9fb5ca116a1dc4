// SPDX-License-Identifier: Apache-2.0
#include "src/eval/score.h"

#include "src/eval/trajectory_metrics.h"
#include "tests/support/message_of.h"
#include "tests/support/plane_and_box.h"

#include <gtest/gtest.h>

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
