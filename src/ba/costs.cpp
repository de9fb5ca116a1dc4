// SPDX-License-Identifier: Apache-2.0
#include "src/ba/costs.h"

#include <Eigen/Geometry>
#include <cmath>

namespace vggt::ba {
namespace {

using Eigen::Map;
using Eigen::Matrix3d;
using Eigen::Quaterniond;
using Eigen::Vector3d;
template <int rows, int columns>
using RowMajor = Eigen::Matrix<double, rows, columns, Eigen::RowMajor>;

Matrix3d cross(const Vector3d& v) {
  Matrix3d m;
  m << 0, -v.z(), v.y(), v.z(), 0, -v.x(), -v.y(), v.x(), 0;
  return m;
}

Quaterniond exponential(const Vector3d& w) {
  const double angle = w.norm();
  const double half = angle / 2;
  // sin(half) / angle, whose series has no division
  const double s = angle > 1e-4 ? std::sin(half) / angle : 0.5 - angle * angle / 48;
  return Quaterniond(std::cos(half), s * w.x(), s * w.y(), s * w.z());
}

// The inverse of exponential(), of length at most pi.
Vector3d logarithm(Quaterniond q) {
  if (q.w() < 0) q.coeffs() = -q.coeffs();
  const double sine = q.vec().norm();
  if (sine < 1e-12) return 2 * q.vec();
  return q.vec() * (2 * std::atan2(sine, q.w()) / sine);
}

// d Log(Exp(w) Exp(phi)) / dw at w = 0.
Matrix3d inverse_left_jacobian(const Vector3d& phi) {
  const double angle = phi.norm();
  const Matrix3d k = cross(phi);
  const double factor =
      angle < 1e-4 ? 1.0 / 12
                   : 1 / (angle * angle) - (1 + std::cos(angle)) / (2 * angle * std::sin(angle));
  return Matrix3d::Identity() - 0.5 * k + factor * k * k;
}

Matrix3d rotation_of(const double* pose) { return Map<const Quaterniond>(pose).toRotationMatrix(); }

}  // namespace

PoseBlock pose_block(const Rigid& cam_from_world) {
  PoseBlock block;
  const Map<const RowMajor<3, 3>> rotation(cam_from_world.rotation.data());
  const Quaterniond q = Quaterniond(Matrix3d(rotation)).normalized();
  Eigen::Vector4d::Map(block.data()) = q.coeffs();
  Vector3d::Map(block.data() + 4) =
      -(q.conjugate() * Map<const Vector3d>(cam_from_world.translation.data()));
  return block;
}

Rigid rigid_of(const PoseBlock& block) {
  Rigid pose;
  const Matrix3d rotation = rotation_of(block.data());
  RowMajor<3, 3>::Map(pose.rotation.data()) = rotation;
  Vector3d::Map(pose.translation.data()) = -rotation * Map<const Vector3d>(block.data() + 4);
  return pose;
}

LensBlock lens_block(const Lens& lens) {
  return {lens.fx_px, lens.fy_px, lens.cx_px, lens.cy_px, lens.k1, lens.k2};
}

void set_lens(const LensBlock& block, Lens& lens) {
  lens.fx_px = block[0];
  lens.fy_px = block[1];
  lens.k1 = block[4];
  lens.k2 = block[5];
}

PoseManifold::PoseManifold(const Vector3d& anchor, const Vector3d& centre)
    : anchor_(anchor), distance_((centre - anchor).norm()) {}

Eigen::Matrix<double, 3, 2> PoseManifold::across(const double* x) const {
  const Vector3d along = (Map<const Vector3d>(x + 4) - *anchor_).normalized();
  Eigen::Index least;
  along.cwiseAbs().minCoeff(&least);
  Eigen::Matrix<double, 3, 2> directions;
  directions.col(0) = along.cross(Vector3d::Unit(least)).normalized();
  directions.col(1) = along.cross(directions.col(0));
  return directions;
}

bool PoseManifold::Plus(const double* x, const double* delta, double* x_plus_delta) const {
  const Quaterniond turned =
      (exponential(Map<const Vector3d>(delta)) * Map<const Quaterniond>(x)).normalized();
  const Map<const Vector3d> centre(x + 4);
  Vector3d moved;
  if (anchor_) {
    const Vector3d to = centre + across(x) * Map<const Eigen::Vector2d>(delta + 3) - *anchor_;
    moved = *anchor_ + distance_ * to.normalized();
  } else {
    moved = centre + Map<const Vector3d>(delta + 3);
  }
  Eigen::Vector4d::Map(x_plus_delta) = turned.coeffs();
  Vector3d::Map(x_plus_delta + 4) = moved;
  return true;
}

bool PoseManifold::PlusJacobian(const double* x, double* jacobian) const {
  if (anchor_) {
    Map<RowMajor<7, 5>> j(jacobian);
    j.setZero();
    j.topLeftCorner<3, 3>().setIdentity();
    j.block<3, 2>(3, 3) = across(x);
  } else {
    Map<RowMajor<7, 6>> j(jacobian);
    j.setZero();
    j.topRows<6>().setIdentity();
  }
  return true;
}

bool PoseManifold::Minus(const double* y, const double* x, double* y_minus_x) const {
  Vector3d::Map(y_minus_x) =
      logarithm(Map<const Quaterniond>(y) * Map<const Quaterniond>(x).conjugate());
  const Map<const Vector3d> from(x + 4);
  const Map<const Vector3d> to(y + 4);
  if (anchor_) {
    // Where the ray from the anchor through `to` meets the plane that Plus moves in.
    const Vector3d along = (from - *anchor_).normalized();
    const Vector3d ray = (to - *anchor_).normalized();
    Eigen::Vector2d::Map(y_minus_x + 3) =
        across(x).transpose() * ray * ((from - *anchor_).norm() / along.dot(ray));
  } else {
    Vector3d::Map(y_minus_x + 3) = to - from;
  }
  return true;
}

bool PoseManifold::MinusJacobian(const double* x, double* jacobian) const {
  if (anchor_) {
    Map<RowMajor<5, 7>> j(jacobian);
    j.setZero();
    j.topLeftCorner<3, 3>().setIdentity();
    j.block<2, 3>(3, 3) = across(x).transpose();
  } else {
    Map<RowMajor<6, 7>> j(jacobian);
    j.setZero();
    j.leftCols<6>().setIdentity();
  }
  return true;
}

LensManifold::LensManifold(const Lens& lens) {
  const int free = lens.model == LensModel::kSimplePinhole ? 1
                   : lens.model == LensModel::kPinhole     ? 2
                                                           : 3;
  directions_ = decltype(directions_)::Zero(6, free);
  if (lens.model == LensModel::kPinhole) {
    directions_.topLeftCorner<2, 2>().setIdentity();
    return;
  }
  // One step is one pixel of the mean of both.
  const double mean_px = (lens.fx_px + lens.fy_px) / 2;
  directions_(0, 0) = lens.fx_px / mean_px;
  directions_(1, 0) = lens.fy_px / mean_px;
  if (lens.model == LensModel::kRadial) directions_(4, 1) = directions_(5, 2) = 1;
}

bool LensManifold::Plus(const double* x, const double* delta, double* x_plus_delta) const {
  Eigen::Matrix<double, 6, 1>::Map(x_plus_delta) =
      Map<const Eigen::Matrix<double, 6, 1>>(x) +
      directions_ * Map<const Eigen::VectorXd>(delta, directions_.cols());
  return true;
}

bool LensManifold::PlusJacobian(const double* x, double* jacobian) const {
  RowMajor<6, Eigen::Dynamic>::Map(jacobian, 6, directions_.cols()) = directions_;
  return true;
}

bool LensManifold::Minus(const double* y, const double* x, double* y_minus_x) const {
  // The columns are orthogonal.
  const Eigen::VectorXd moved =
      directions_.transpose() *
      (Map<const Eigen::Matrix<double, 6, 1>>(y) - Map<const Eigen::Matrix<double, 6, 1>>(x));
  Eigen::VectorXd::Map(y_minus_x, directions_.cols()) =
      moved.cwiseQuotient(directions_.colwise().squaredNorm().transpose());
  return true;
}

bool LensManifold::MinusJacobian(const double* x, double* jacobian) const {
  const Eigen::VectorXd squares = directions_.colwise().squaredNorm().transpose();
  RowMajor<Eigen::Dynamic, 6>::Map(jacobian, directions_.cols(), 6) =
      squares.cwiseInverse().asDiagonal() * directions_.transpose();
  return true;
}

bool ReprojectionCost::Evaluate(double const* const* parameters,
                                double* residuals,
                                double** jacobians) const {
  const Matrix3d rotation = rotation_of(parameters[0]);
  const double* const lens = parameters[1];
  const Vector3d x =
      rotation * (Map<const Vector3d>(parameters[2]) - Map<const Vector3d>(parameters[0] + 4));
  const double inverse_z = 1 / x.z();
  const double a = x.x() * inverse_z;
  const double b = x.y() * inverse_z;
  const double rho = a * a + b * b;
  const double radial = 1 + rho * (lens[4] + rho * lens[5]);
  residuals[0] = lens[0] * radial * a + lens[2] - x_px_;
  residuals[1] = lens[1] * radial * b + lens[3] - y_px_;
  if (!jacobians) return true;

  const double slope = lens[4] + 2 * rho * lens[5];  // of `radial` by rho
  Eigen::Matrix2d by_ab;
  by_ab << lens[0] * (radial + 2 * a * a * slope), lens[0] * 2 * a * b * slope,
      lens[1] * 2 * a * b * slope, lens[1] * (radial + 2 * b * b * slope);
  RowMajor<2, 3> ab_by_x;
  ab_by_x << inverse_z, 0, -a * inverse_z, 0, inverse_z, -b * inverse_z;
  const RowMajor<2, 3> by_x = by_ab * ab_by_x;
  const RowMajor<2, 3> by_point = by_x * rotation;
  if (jacobians[0]) {
    Map<RowMajor<2, 7>> j(jacobians[0]);
    j.leftCols<3>() = -by_x * cross(x);
    j.middleCols<3>(3) = -by_point;
    j.col(6).setZero();
  }
  if (jacobians[1]) {
    Map<RowMajor<2, 6>> j(jacobians[1]);
    j << radial * a, 0, 1, 0, lens[0] * a * rho, lens[0] * a * rho * rho,  //
        0, radial * b, 0, 1, lens[1] * b * rho, lens[1] * b * rho * rho;
  }
  if (jacobians[2]) RowMajor<2, 3>::Map(jacobians[2]) = by_point;
  return true;
}

DepthCost::DepthCost(double depth, double deviation)
    : log_depth_(std::log(depth)), weight_(1 / deviation) {}

bool DepthCost::Evaluate(double const* const* parameters,
                         double* residuals,
                         double** jacobians) const {
  const Matrix3d rotation = rotation_of(parameters[0]);
  const Vector3d x =
      rotation * (Map<const Vector3d>(parameters[1]) - Map<const Vector3d>(parameters[0] + 4));
  const bool in_front = x.z() > 0;
  residuals[0] = in_front ? weight_ * (std::log(x.z()) - log_depth_ - parameters[2][0]) : 0;
  if (!jacobians) return true;
  const double by_z = in_front ? weight_ / x.z() : 0;
  const Eigen::RowVector3d by_point = by_z * rotation.row(2);
  if (jacobians[0]) {
    Map<RowMajor<1, 7>> j(jacobians[0]);
    j << by_z * x.y(), -by_z * x.x(), 0, -by_point, 0;
  }
  if (jacobians[1]) RowMajor<1, 3>::Map(jacobians[1]) = by_point;
  if (jacobians[2]) jacobians[2][0] = in_front ? -weight_ : 0;
  return true;
}

PosePriorCost::PosePriorCost(const PosePrior& prior)
    : rotation_weight_(1 / prior.rotation_deviation), centre_weight_(1 / prior.centre_deviation) {
  const PoseBlock block = pose_block(prior.cam_from_world);
  rotation_ = rotation_of(block.data());
  centre_ = Map<const Vector3d>(block.data() + 4);
}

bool PosePriorCost::Evaluate(double const* const* parameters,
                             double* residuals,
                             double** jacobians) const {
  const Vector3d turn =
      logarithm(Quaterniond(Matrix3d(rotation_of(parameters[0]) * rotation_.transpose())));
  Map<Vector3d> r(residuals);
  r = rotation_weight_ * turn;
  Vector3d::Map(residuals + 3) =
      centre_weight_ * (Map<const Vector3d>(parameters[0] + 4) - centre_);
  if (jacobians && jacobians[0]) {
    Map<RowMajor<6, 7>> j(jacobians[0]);
    j.setZero();
    j.topLeftCorner<3, 3>() = rotation_weight_ * inverse_left_jacobian(turn);
    j.block<3, 3>(3, 3).setIdentity();
    j.block<3, 3>(3, 3) *= centre_weight_;
  }
  return true;
}

}  // namespace vggt::ba
