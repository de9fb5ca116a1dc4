// SPDX-License-Identifier: Apache-2.0
// The residuals that Ceres minimises, with their derivatives. Only src/ba includes this.
//
// Parameter blocks:
//   pose   [7]  quaternion (x, y, z, w) of cam_from_world, then the camera's centre in the world
//   lens   [6]  fx fy cx cy k1 k2
//   point  [3]  world
//   scale  [1]  logarithm of a photo's depth scale
//
// A pose moves by six numbers: w turns the camera, R' = Exp(w) R, d moves its centre, c' = c + d.
// The costs write derivatives by (w, d, 0) in place of those by the seven numbers, and
// PoseManifold's Plus derivative is [I 0], so that their product, which is all that Ceres uses, is
// exact. It spares the detour over the quaternion's four.
#pragma once

#include <ceres/manifold.h>
#include <ceres/sized_cost_function.h>

#include <Eigen/Core>
#include <array>
#include <optional>

#include "src/ba/problem.h"

namespace vggt::ba {

using PoseBlock = std::array<double, 7>;
using LensBlock = std::array<double, 6>;

PoseBlock pose_block(const Rigid& cam_from_world);
Rigid rigid_of(const PoseBlock& block);
LensBlock lens_block(const Lens& lens);
void set_lens(const LensBlock& block, Lens& lens);

class PoseManifold final : public ceres::Manifold {
 public:
  PoseManifold() = default;
  /// The centre keeps its distance to `anchor`, from which it must not be 0 away: this fixes the
  /// scale.
  PoseManifold(const Eigen::Vector3d& anchor, const Eigen::Vector3d& centre);

  int AmbientSize() const override { return 7; }
  int TangentSize() const override { return anchor_ ? 5 : 6; }
  bool Plus(const double* x, const double* delta, double* x_plus_delta) const override;
  bool PlusJacobian(const double* x, double* jacobian) const override;
  bool Minus(const double* y, const double* x, double* y_minus_x) const override;
  bool MinusJacobian(const double* x, double* jacobian) const override;

 private:
  // Two directions across the line from the anchor to the centre.
  Eigen::Matrix<double, 3, 2> across(const double* x) const;

  std::optional<Eigen::Vector3d> anchor_;
  double distance_ = 0;
};

/// x' = x + directions * delta: which numbers of a lens are free, and which move together.
class LensManifold final : public ceres::Manifold {
 public:
  explicit LensManifold(const Lens& lens);  ///< not of kFixed

  int AmbientSize() const override { return 6; }
  int TangentSize() const override { return static_cast<int>(directions_.cols()); }
  bool Plus(const double* x, const double* delta, double* x_plus_delta) const override;
  bool PlusJacobian(const double* x, double* jacobian) const override;
  bool Minus(const double* y, const double* x, double* y_minus_x) const override;
  bool MinusJacobian(const double* x, double* jacobian) const override;

 private:
  Eigen::Matrix<double, 6, Eigen::Dynamic> directions_;
};

/// Projection minus observation, in pixels. Blocks: pose, lens, point.
class ReprojectionCost final : public ceres::SizedCostFunction<2, 7, 6, 3> {
 public:
  ReprojectionCost(double x_px, double y_px) : x_px_(x_px), y_px_(y_px) {}
  bool Evaluate(double const* const* parameters,
                double* residuals,
                double** jacobians) const override;

 private:
  double x_px_;
  double y_px_;
};

/// (log z - log depth - scale) / deviation. Blocks: pose, point, scale. 0 behind the camera.
class DepthCost final : public ceres::SizedCostFunction<1, 7, 3, 1> {
 public:
  DepthCost(double depth, double deviation);
  bool Evaluate(double const* const* parameters,
                double* residuals,
                double** jacobians) const override;

 private:
  double log_depth_;
  double weight_;
};

/// The turn from the prior's rotation and the centre's way from its centre, each over its
/// deviation. Block: pose.
class PosePriorCost final : public ceres::SizedCostFunction<6, 7> {
 public:
  explicit PosePriorCost(const PosePrior& prior);
  bool Evaluate(double const* const* parameters,
                double* residuals,
                double** jacobians) const override;

 private:
  Eigen::Matrix3d rotation_;
  Eigen::Vector3d centre_;
  double rotation_weight_;
  double centre_weight_;
};

}  // namespace vggt::ba
