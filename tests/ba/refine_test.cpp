// SPDX-License-Identifier: Apache-2.0
#include "src/ba/refine.h"

#include "src/ba/triangulate.h"
#include "src/base/error.h"
#include "tests/support/ba_scene.h"

#include <gtest/gtest.h>

namespace vggt::ba {
namespace {

using testing::ba_scene;
using testing::BaSceneOptions;
using testing::disturb;
using testing::largest_turn_deg;
using testing::largest_way;
using testing::scale_like;

void forget_points(Problem& problem) {
  for (auto& point : problem.points) point = {0, 0, 0};
}

TEST(Triangulate, PutsPointsWhereTheirRaysMeet) {
  BaSceneOptions options;
  options.lens.k1 = -0.1;
  options.lens.k2 = 0.02;
  const Problem truth = ba_scene(options);
  Problem problem = truth;
  forget_points(problem);
  const std::vector<uint8_t> active = triangulate(problem, {});
  EXPECT_EQ(std::count(active.begin(), active.end(), 1), int64_t(active.size()));
  for (size_t p = 0; p < truth.points.size(); ++p) {
    for (int k = 0; k < 3; ++k) EXPECT_NEAR(problem.points[p][k], truth.points[p][k], 1e-9);
  }
}

TEST(Triangulate, LeavesOutWhatDisagrees) {
  const Problem truth = ba_scene({});
  Problem problem = truth;
  problem.observations[3].x_px += 40;
  const std::vector<uint8_t> active = triangulate(problem, {});
  EXPECT_EQ(active[3], 0);
  EXPECT_EQ(std::count(active.begin(), active.end(), 0), 1);
  EXPECT_NEAR(problem.points[0][0], truth.points[0][0], 1e-9);
}

TEST(Triangulate, WantsRaysThatAreNotParallel) {
  Problem problem = ba_scene({.photos = 2});
  problem.photos[1] = problem.photos[0];
  problem.photos[1].cam_from_world.translation[0] -= 0.01;  // a sixth of a degree
  for (size_t i = 0; i < problem.observations.size(); ++i) {
    Observation& o = problem.observations[i];
    const Projection seen =
        project(problem.lenses[0], problem.photos[o.photo].cam_from_world, problem.points[o.point]);
    o.x_px = seen.x_px;
    o.y_px = seen.y_px;
  }
  std::vector<uint8_t> active = triangulate(problem, {.min_angle_deg = 1.5});
  EXPECT_EQ(std::count(active.begin(), active.end(), 1), 0);
  active = triangulate(problem, {.min_angle_deg = 0.1});
  EXPECT_GT(std::count(active.begin(), active.end(), 1), 350);
}

TEST(Triangulate, PointsBehindCamerasDoNotCount) {
  Problem problem = ba_scene({.photos = 2});
  // Both look the other way: what they show lies behind them.
  for (Photo& photo : problem.photos) {
    for (int k = 0; k < 9; ++k) photo.cam_from_world.rotation[k] *= (k < 3 || k > 5) ? -1 : 1;
    photo.cam_from_world.translation[0] *= -1;
    photo.cam_from_world.translation[2] *= -1;
  }
  for (Observation& o : problem.observations) o.y_px = 480 - o.y_px;
  const std::vector<uint8_t> active = triangulate(problem, {});
  EXPECT_EQ(std::count(active.begin(), active.end(), 1), 0);
}

TEST(Refine, MendsFarOffCamerasAmongOutliers) {
  BaSceneOptions options;
  options.photos = 12;
  options.points = 400;
  options.noise_px = 0.3;
  options.visible = 0.5;
  options.outliers = 0.08;
  Problem problem = ba_scene(options);
  const Problem truth = problem;
  disturb(problem, 4, 0.15, 11);
  forget_points(problem);
  Refined refined = refine(problem, {});
  Refined best = refine(truth, {});  // where the noise leads the true cameras
  scale_like(refined.problem, best.problem);
  EXPECT_TRUE(refined.report.improved);
  EXPECT_GE(refined.report.rounds, 2);
  EXPECT_LT(largest_turn_deg(refined.problem, best.problem), 0.01);
  EXPECT_LT(largest_way(refined.problem, best.problem), 0.001);
  EXPECT_LT(largest_turn_deg(refined.problem, truth), 0.2);
  EXPECT_LT(refined.report.after.median_px, 0.5);
  EXPECT_LT(refined.report.after.cost, refined.report.before.cost);
  EXPECT_GT(refined.report.after.observations, refined.report.before.observations);
}

TEST(Refine, ReturnsWhatCameInWhereThatWasBetter) {
  // Exact but for one photo, whose pose is fixed where it cannot be.
  Problem problem = ba_scene({.photos = 4, .points = 60});
  for (Photo& photo : problem.photos) photo.fixed = true;
  const Refined refined = refine(problem, {});
  EXPECT_FALSE(refined.report.improved);
  EXPECT_EQ(refined.report.after.cost, refined.report.before.cost);
  EXPECT_EQ(refined.problem.photos[2].cam_from_world.translation,
            problem.photos[2].cam_from_world.translation);
}

TEST(Refine, PhotosWithoutCommonPointsComeBackAsTheyWere) {
  Problem problem = ba_scene({.photos = 3, .points = 30});
  problem.observations.resize(3);  // one point
  const Refined refined = refine(problem, {});
  EXPECT_EQ(largest_turn_deg(refined.problem, problem), 0);
  EXPECT_FALSE(refined.report.improved);
}

TEST(Refine, AnEmptyProblemIsNoFault) {
  const Refined refined = refine({}, {});
  EXPECT_FALSE(refined.report.improved);
  EXPECT_EQ(refined.report.rounds, 0);
}

TEST(Refine, WrongIntrinsicsShowInTheResidual) {
  BaSceneOptions options;
  options.noise_px = 0.2;
  const Problem right = ba_scene(options);
  Problem wrong = right;
  wrong.lenses[0].fx_px = wrong.lenses[0].fy_px = 900;
  const Quality good = refine(right, {}).report.after;
  const Quality bad = refine(wrong, {}).report.after;
  EXPECT_GT(bad.cost, 3 * good.cost);
}

TEST(Refine, Cancels) {
  Problem problem = ba_scene({});
  disturb(problem, 2, 0.05, 7);
  EXPECT_THROW(refine(problem, {.progress = [](const Progress& p) { return p.done < 1; }}),
               Cancelled);
}

TEST(Measure, CountsNoErrorBeyondTheLimit) {
  Problem problem = ba_scene({.photos = 2, .points = 2});
  problem.observations[0].x_px += 3;
  problem.observations[1].x_px += 100;
  const Quality quality = measure(problem, {1, 1, 1, 0}, 4);
  EXPECT_NEAR(quality.cost, 3 * 3 / 2.0 + 16 / 2.0 + 16 / 2.0, 1e-9);
  EXPECT_EQ(quality.observations, 2);
  EXPECT_EQ(quality.points, 2);
  EXPECT_NEAR(quality.mean_px, 1.5, 1e-9);
}

}  // namespace
}  // namespace vggt::ba
