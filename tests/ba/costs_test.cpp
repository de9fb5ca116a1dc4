// SPDX-License-Identifier: Apache-2.0
#include "src/ba/costs.h"

#include "tests/support/camera_path.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace vggt::ba {
namespace {

// A cost at a place, and how each of its blocks may move (null: freely).
struct Case {
  const char* name;
  std::shared_ptr<ceres::CostFunction> cost;
  std::vector<std::vector<double>> blocks;
  std::vector<std::shared_ptr<ceres::Manifold>> manifolds;
};

Rigid some_pose() { return {testing::rotation_about({1, -2, 0.5}, 0.7), {0.3, -0.2, 1.5}}; }

std::vector<double> block(const Rigid& pose) {
  const PoseBlock values = pose_block(pose);
  return {values.begin(), values.end()};
}

std::vector<double> residuals(const Case& c, const std::vector<std::vector<double>>& blocks) {
  std::vector<const double*> parameters;
  for (const auto& b : blocks) parameters.push_back(b.data());
  std::vector<double> r(c.cost->num_residuals());
  EXPECT_TRUE(c.cost->Evaluate(parameters.data(), r.data(), nullptr));
  return r;
}

std::vector<Case> cases() {
  const auto pose = std::make_shared<PoseManifold>();
  const Eigen::Vector3d anchor(1, 0.5, -2);
  const auto centre = Eigen::Vector3d::Map(pose_block(some_pose()).data() + 4).eval();
  const auto on_sphere = std::make_shared<PoseManifold>(anchor, centre);
  const std::vector<double> point = {0.4, 0.3, 2.5};
  const std::vector<double> lens = {500, 520, 320, 240, -0.1, 0.03};
  std::vector<Case> all;
  for (const auto& manifold : {pose, on_sphere}) {
    for (const LensModel model :
         {LensModel::kSimplePinhole, LensModel::kPinhole, LensModel::kRadial}) {
      const Lens as_struct = {lens[0], lens[1], lens[2], lens[3], lens[4], lens[5], model};
      all.push_back({"reprojection",
                     std::make_shared<ReprojectionCost>(300, 250),
                     {block(some_pose()), lens, point},
                     {manifold, std::make_shared<LensManifold>(as_struct), nullptr}});
    }
    all.push_back({"depth",
                   std::make_shared<DepthCost>(1.7, 0.2),
                   {block(some_pose()), point, {0.1}},
                   {manifold, nullptr, nullptr}});
    for (const double angle : {1e-6, 0.4, 3.0}) {
      const Rigid other = {testing::rotation_about({1, 1, 0.5}, angle), {1, 2, 3}};
      const PosePrior prior = {0, other * some_pose(), 0.1, 0.3};
      all.push_back(
          {"pose prior", std::make_shared<PosePriorCost>(prior), {block(some_pose())}, {manifold}});
    }
  }
  return all;
}

TEST(Costs, DerivativesEqualNumericOnes) {
  for (const Case& c : cases()) {
    const size_t rows = c.cost->num_residuals();
    std::vector<const double*> parameters;
    std::vector<std::vector<double>> jacobians;
    for (const auto& b : c.blocks) {
      parameters.push_back(b.data());
      jacobians.emplace_back(rows * b.size());
    }
    std::vector<double*> pointers;
    for (auto& j : jacobians) pointers.push_back(j.data());
    std::vector<double> r(rows);
    ASSERT_TRUE(c.cost->Evaluate(parameters.data(), r.data(), pointers.data()));

    for (size_t b = 0; b < c.blocks.size(); ++b) {
      const size_t ambient = c.blocks[b].size();
      const size_t tangent = c.manifolds[b] ? c.manifolds[b]->TangentSize() : ambient;
      std::vector<double> plus(ambient * tangent);
      if (c.manifolds[b]) {
        ASSERT_TRUE(c.manifolds[b]->PlusJacobian(c.blocks[b].data(), plus.data()));
      } else {
        for (size_t k = 0; k < ambient; ++k) plus[k * tangent + k] = 1;
      }
      for (size_t column = 0; column < tangent; ++column) {
        // Central differences: the error is of the order of step^2, and of rounding / step.
        constexpr double kStep = 1e-5;
        std::vector<std::vector<double>> sides;
        for (const double step : {kStep, -kStep}) {
          auto moved = c.blocks;
          std::vector<double> delta(tangent);
          delta[column] = step;
          if (c.manifolds[b]) {
            c.manifolds[b]->Plus(c.blocks[b].data(), delta.data(), moved[b].data());
          } else {
            moved[b][column] += step;
          }
          sides.push_back(residuals(c, moved));
        }
        for (size_t row = 0; row < rows; ++row) {
          double analytic = 0;
          for (size_t k = 0; k < ambient; ++k) {
            analytic += jacobians[b][row * ambient + k] * plus[k * tangent + column];
          }
          const double numeric = (sides[0][row] - sides[1][row]) / (2 * kStep);
          EXPECT_NEAR(analytic, numeric, 1e-6 * std::max(1.0, std::abs(numeric)))
              << c.name << ", block " << b << ", row " << row << ", column " << column;
        }
      }
    }
  }
}

TEST(Costs, MinusUndoesPlus) {
  for (const Case& c : cases()) {
    for (size_t b = 0; b < c.blocks.size(); ++b) {
      if (!c.manifolds[b]) continue;
      const int size = c.manifolds[b]->TangentSize();
      std::vector<double> delta(size);
      for (int k = 0; k < size; ++k) delta[k] = 0.05 * (k + 1);
      std::vector<double> moved(c.blocks[b].size());
      std::vector<double> back(size);
      c.manifolds[b]->Plus(c.blocks[b].data(), delta.data(), moved.data());
      c.manifolds[b]->Minus(moved.data(), c.blocks[b].data(), back.data());
      for (int k = 0; k < size; ++k) EXPECT_NEAR(back[k], delta[k], 1e-12);
    }
  }
}

TEST(Costs, APoseOnASphereKeepsItsDistance) {
  const Eigen::Vector3d anchor(1, 0.5, -2);
  const PoseBlock pose = pose_block(some_pose());
  const auto distance = [&](const PoseBlock& p) {
    return (Eigen::Vector3d::Map(p.data() + 4) - anchor).norm();
  };
  const PoseManifold manifold(anchor, Eigen::Vector3d::Map(pose.data() + 4));
  const std::array<double, 5> delta = {0.1, 0, 0, 0.8, -0.5};
  PoseBlock moved;
  manifold.Plus(pose.data(), delta.data(), moved.data());
  EXPECT_NEAR(distance(moved), distance(pose), 1e-14);
  EXPECT_GT((Eigen::Vector3d::Map(moved.data() + 4) - Eigen::Vector3d::Map(pose.data() + 4)).norm(),
            0.5);
}

TEST(Costs, TheResidualIsTheProjectionMinusTheObservation) {
  const Lens lens = {500, 520, 320, 240, -0.1, 0.03};
  const std::array<double, 3> point = {0.4, 0.3, 2.5};
  const Projection seen = project(lens, some_pose(), point);
  const Case c = {"reprojection",
                  std::make_shared<ReprojectionCost>(seen.x_px - 3, seen.y_px + 2),
                  {block(some_pose()), {500, 520, 320, 240, -0.1, 0.03}, {0.4, 0.3, 2.5}},
                  {}};
  const std::vector<double> r = residuals(c, c.blocks);
  EXPECT_NEAR(r[0], 3, 1e-10);
  EXPECT_NEAR(r[1], -2, 1e-10);
}

TEST(Costs, PosesComeBackFromTheirBlocks) {
  const Rigid pose = some_pose();
  const Rigid back = rigid_of(pose_block(pose));
  for (int k = 0; k < 9; ++k) EXPECT_NEAR(back.rotation[k], pose.rotation[k], 1e-14);
  for (int k = 0; k < 3; ++k) EXPECT_NEAR(back.translation[k], pose.translation[k], 1e-14);
}

}  // namespace
}  // namespace vggt::ba
