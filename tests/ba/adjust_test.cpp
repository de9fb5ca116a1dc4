// SPDX-License-Identifier: Apache-2.0
#include "src/ba/adjust.h"

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

// Exact observations are met to what the stopping rule of the solver leaves.
constexpr double kExact_deg = 1e-4;

Problem disturbed_points(Problem problem, double way) {
  for (size_t p = 0; p < problem.points.size(); ++p) {
    for (int k = 0; k < 3; ++k) problem.points[p][k] += way * ((p + k) % 3 - 1.0);
  }
  return problem;
}

TEST(Adjust, FindsPosesAndPointsThatWereDisturbed) {
  const Problem truth = ba_scene({});
  for (const LinearSolver solver :
       {LinearSolver::kDense, LinearSolver::kSparse, LinearSolver::kIterative}) {
    Problem problem = disturbed_points(truth, 0.05);
    disturb(problem, 2, 0.05, 7);
    ASSERT_GT(largest_turn_deg(problem, truth), 1);
    const AdjustReport report = adjust(problem, {}, {.loss_px = 0, .solver = solver});
    scale_like(problem, truth);
    EXPECT_EQ(report.solver, solver);
    EXPECT_LT(report.last_cost, 1e-6 * report.first_cost);
    EXPECT_LT(largest_turn_deg(problem, truth), kExact_deg) << to_string(solver);
    EXPECT_LT(largest_way(problem, truth), 1e-5) << to_string(solver);
  }
}

TEST(Adjust, KeepsPlaceAndScaleOfWhatCameIn) {
  Problem problem = ba_scene({});
  disturb(problem, 2, 0.05, 7);
  const Problem before = problem;
  adjust(problem, {}, {});
  EXPECT_EQ(problem.photos[0].cam_from_world.translation,
            before.photos[0].cam_from_world.translation);
  const auto far = [](const Problem& p) {
    const auto c = centre_in_world(p.photos.back().cam_from_world);
    return std::hypot(c[0], c[1], c[2]);  // the first stands in the origin
  };
  EXPECT_NEAR(far(problem), far(before), 1e-12);
}

TEST(Adjust, FixedPhotosStayAndGiveTheScale) {
  const Problem truth = ba_scene({});
  Problem problem = truth;
  disturb(problem, 2, 0.05, 7);
  for (const size_t s : {2, 5}) {
    problem.photos[s] = truth.photos[s];
    problem.photos[s].fixed = true;
  }
  problem.photos[0].cam_from_world.translation[0] += 0.05;
  adjust(problem, {}, {.loss_px = 0});
  EXPECT_EQ(problem.photos[2].cam_from_world.rotation, truth.photos[2].cam_from_world.rotation);
  EXPECT_LT(largest_turn_deg(problem, truth), kExact_deg);
  EXPECT_LT(largest_way(problem, truth), 1e-5);
}

TEST(Adjust, FindsFocalLengths) {
  BaSceneOptions options;
  options.lens = {600, 600, 320, 240, 0, 0, LensModel::kSimplePinhole};
  const Problem truth = ba_scene(options);
  Problem problem = truth;
  problem.lenses[0].fx_px = problem.lenses[0].fy_px = 640;
  adjust(problem, {}, {.loss_px = 0});
  EXPECT_NEAR(problem.lenses[0].fx_px, 600, 0.01);
  EXPECT_EQ(problem.lenses[0].fx_px, problem.lenses[0].fy_px);

  problem = truth;
  problem.lenses[0].model = LensModel::kPinhole;
  problem.lenses[0].fx_px = 640;
  problem.lenses[0].fy_px = 580;
  adjust(problem, {}, {.loss_px = 0});
  EXPECT_NEAR(problem.lenses[0].fx_px, 600, 0.01);
  EXPECT_NEAR(problem.lenses[0].fy_px, 600, 0.01);
}

TEST(Adjust, FindsRadialDistortion) {
  BaSceneOptions options;
  options.lens = {600, 600, 320, 240, -0.12, 0.04, LensModel::kRadial};
  Problem problem = ba_scene(options);
  problem.lenses[0].k1 = problem.lenses[0].k2 = 0;
  adjust(problem, {}, {.loss_px = 0});
  EXPECT_NEAR(problem.lenses[0].k1, -0.12, 1e-3);
  EXPECT_NEAR(problem.lenses[0].k2, 0.04, 1e-2);
}

TEST(Adjust, APhotoMayHaveItsOwnLens) {
  Problem problem = ba_scene({});
  problem.lenses.assign(problem.photos.size(), problem.lenses[0]);
  for (size_t s = 0; s < problem.photos.size(); ++s) {
    problem.photos[s].lens = static_cast<int32_t>(s);
  }
  problem.lenses[3].model = LensModel::kSimplePinhole;
  problem.lenses[3].fx_px = problem.lenses[3].fy_px = 660;
  adjust(problem, {}, {.loss_px = 0});
  EXPECT_NEAR(problem.lenses[3].fx_px, 600, 0.01);
  EXPECT_EQ(problem.lenses[2].fx_px, 600);
}

TEST(Adjust, InactiveObservationsDoNotCount) {
  const Problem truth = ba_scene({});
  Problem problem = truth;
  std::vector<uint8_t> active(problem.observations.size(), 1);
  for (size_t i = 0; i < active.size(); i += 7) {
    active[i] = 0;
    problem.observations[i].x_px += 50;
  }
  adjust(problem, active, {.loss_px = 0});
  EXPECT_LT(largest_turn_deg(problem, truth), kExact_deg);
}

TEST(Adjust, TheLossOutvotesOutliers) {
  BaSceneOptions options;
  options.noise_px = 0.3;
  options.outliers = 0.1;
  const Problem scene = ba_scene(options);
  options.noise_px = options.outliers = 0;
  const Problem truth = ba_scene({});
  Problem robust = scene;
  Problem squares = scene;
  adjust(robust, {}, {.loss_px = 1});
  adjust(squares, {}, {.loss_px = 0});
  scale_like(robust, truth);
  scale_like(squares, truth);
  EXPECT_LT(largest_turn_deg(robust, truth), 0.1 * largest_turn_deg(squares, truth));
}

TEST(Adjust, APhotoWithFewObservationsStays) {
  Problem problem = ba_scene({});
  disturb(problem, 2, 0.05, 7);
  std::vector<uint8_t> active(problem.observations.size(), 1);
  int kept = 0;
  for (size_t i = 0; i < active.size(); ++i) {
    if (problem.observations[i].photo == 4 && ++kept > 5) active[i] = 0;
  }
  const Rigid before = problem.photos[4].cam_from_world;
  const AdjustReport report = adjust(problem, active, {});
  EXPECT_EQ(report.unmoved, std::vector<int32_t>{4});
  EXPECT_EQ(problem.photos[4].cam_from_world.rotation, before.rotation);
}

TEST(Adjust, GroupsWithoutCommonPointsKeepTheirPlaces) {
  const Problem scene = ba_scene({.photos = 4, .points = 100});
  Problem problem = scene;
  for (Photo photo : scene.photos) {
    photo.cam_from_world.translation[2] += 3;
    problem.photos.push_back(photo);
  }
  for (Observation o : scene.observations) {
    o.photo += 4;
    o.point += 100;
    problem.observations.push_back(o);
  }
  for (auto point : scene.points) {
    const auto& r = scene.photos[0].cam_from_world.rotation;
    for (int k = 0; k < 3; ++k) point[k] += 3 * r[6 + k] * 0.01;
    problem.points.push_back(point);
  }
  const std::vector<int32_t> groups = components(problem, {});
  EXPECT_EQ(groups, (std::vector<int32_t>{0, 0, 0, 0, 1, 1, 1, 1}));
  const Rigid fifth = problem.photos[4].cam_from_world;
  const AdjustReport report = adjust(problem, {}, {});
  EXPECT_EQ(report.components, 2);
  EXPECT_EQ(problem.photos[4].cam_from_world.translation, fifth.translation);
}

TEST(Adjust, DepthPriorsPlaceWhatParallaxDoesNot) {
  // Two photos from nearly one place.
  const Problem truth = [] {
    Problem p = ba_scene({.photos = 2, .points = 100});
    p.photos[1].cam_from_world = p.photos[0].cam_from_world;
    p.photos[1].cam_from_world.translation[0] -= 0.004;
    p.observations.clear();
    for (int s = 0; s < 2; ++s) {
      for (int i = 0; i < 100; ++i) {
        const Projection seen = project(p.lenses[0], p.photos[s].cam_from_world, p.points[i]);
        p.observations.push_back({s, i, seen.x_px + 0.3 * ((i + s) % 3 - 1), seen.y_px});
      }
    }
    return p;
  }();
  // How much the ratios of depth found and true depth differ: the scale is left open.
  const auto spread = [&](const Problem& p) {
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < p.points.size(); ++i) {
      const double z = project(p.lenses[0], p.photos[0].cam_from_world, p.points[i]).depth;
      const double z0 =
          project(truth.lenses[0], truth.photos[0].cam_from_world, truth.points[i]).depth;
      const double ratio = std::log(std::abs(z / z0));
      sum += ratio;
      squares += ratio * ratio;
    }
    const auto n = static_cast<double>(p.points.size());
    return std::sqrt(squares / n - sum * sum / (n * n));
  };
  Problem without = truth;
  adjust(without, {}, {});
  Problem with = truth;
  for (int i = 0; i < 100; ++i) {
    const double z =
        project(truth.lenses[0], truth.photos[0].cam_from_world, truth.points[i]).depth;
    with.depth_priors.push_back({0, i, 1.7 * z, 0.05});  // of another scale, which does not matter
  }
  adjust(with, {}, {});
  EXPECT_LT(spread(with), 0.05);
  EXPECT_GT(spread(without), 0.1);
}

TEST(Adjust, PosePriorsHoldTheWorld) {
  const Problem truth = ba_scene({});
  Problem problem = truth;
  disturb(problem, 2, 0.05, 7);
  for (size_t s = 0; s < truth.photos.size(); ++s) {
    problem.pose_priors.push_back(
        {static_cast<int32_t>(s), truth.photos[s].cam_from_world, 0.01, 0.01});
  }
  problem.photos[0].cam_from_world.translation[1] += 0.05;
  adjust(problem, {}, {.loss_px = 0});
  EXPECT_LT(largest_turn_deg(problem, truth), kExact_deg);
  EXPECT_LT(largest_way(problem, truth), 1e-5);
}

TEST(Adjust, CancellingLeavesTheProblemAsItWas) {
  Problem problem = ba_scene({});
  disturb(problem, 2, 0.05, 7);
  const Problem before = problem;
  int calls = 0;
  StageProgress stage("bundle adjustment", 100, [&](const Progress&) { return ++calls < 4; });
  EXPECT_THROW(adjust(problem, {}, {.stage = &stage}), Cancelled);
  EXPECT_EQ(problem.photos[3].cam_from_world.translation,
            before.photos[3].cam_from_world.translation);
  EXPECT_EQ(problem.points, before.points);
}

TEST(Adjust, FaultsNameTheListAndTheEntry) {
  const auto message = [](auto damage) {
    Problem problem = ba_scene({.photos = 2, .points = 3});
    damage(problem);
    try {
      adjust(problem, {}, {});
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  const double nan = std::nan("");
  EXPECT_EQ(message([](Problem& p) { p.observations[1].point = 3; }),
            "observation 1: there is no point 3");
  EXPECT_EQ(message([](Problem& p) { p.photos[1].lens = -1; }), "photo 1: there is no lens -1");
  EXPECT_EQ(message([&](Problem& p) { p.observations[2].y_px = nan; }),
            "observation 2: the pixel is not finite");
  EXPECT_EQ(message([&](Problem& p) { p.photos[1].cam_from_world.translation[1] = nan; }),
            "photo 1: the translation is not finite");
  EXPECT_EQ(message([&](Problem& p) { p.photos[0].cam_from_world.rotation[4] = -1; }),
            "photo 0: the rotation is no rotation matrix");
  EXPECT_EQ(message([](Problem& p) { p.lenses[0].fx_px = 0; }),
            "lens 0: the focal length must be positive");
  EXPECT_EQ(message([](Problem& p) {
              p.depth_priors.push_back({0, 0, -1, 1});
            }),
            "depth prior 0: depth and deviation must be positive");
  EXPECT_EQ(message([](Problem& p) {
              p.pose_priors.push_back({2, {}, 1, 1});
            }),
            "pose prior 0: there is no photo 2");
}

}  // namespace
}  // namespace vggt::ba
