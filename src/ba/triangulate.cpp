// SPDX-License-Identifier: Apache-2.0
#include "src/ba/triangulate.h"

#include <Eigen/Core>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <numbers>

namespace vggt::ba {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;

struct Ray {
  Vector3d centre;
  Vector3d direction;  // world, unit
  size_t observation;
};

Ray ray_of(const Problem& problem, size_t index) {
  const Observation& observation = problem.observations[index];
  const Photo& photo = problem.photos[observation.photo];
  const auto in_cam =
      direction_in_cam(problem.lenses[photo.lens], observation.x_px, observation.y_px);
  const Eigen::Map<const Eigen::Matrix<double, 3, 3, Eigen::RowMajor>> rotation(
      photo.cam_from_world.rotation.data());
  const Eigen::Map<const Vector3d> translation(photo.cam_from_world.translation.data());
  return {-(rotation.transpose() * translation),
          (rotation.transpose() * Vector3d(in_cam[0], in_cam[1], in_cam[2])).normalized(),
          index};
}

// Observations by point.
std::vector<std::vector<size_t>> tracks_of(const Problem& problem) {
  std::vector<std::vector<size_t>> tracks(problem.points.size());
  for (size_t i = 0; i < problem.observations.size(); ++i) {
    tracks[problem.observations[i].point].push_back(i);
  }
  return tracks;
}

// The least squares of distances to the rays, then weighted by how far the point is along each,
// which makes the distances angles.
bool meet(const std::vector<Ray>& rays, Vector3d& point) {
  std::vector<double> weights(rays.size(), 1);
  for (int step = 0; step < 3; ++step) {
    Matrix3d normal = Matrix3d::Zero();
    Vector3d right = Vector3d::Zero();
    for (size_t i = 0; i < rays.size(); ++i) {
      const Matrix3d across =
          Matrix3d::Identity() - rays[i].direction * rays[i].direction.transpose();
      normal += weights[i] * across;
      right += weights[i] * across * rays[i].centre;
    }
    const Eigen::FullPivLU<Matrix3d> lu(normal);
    if (lu.rcond() < 1e-12) return false;
    point = lu.solve(right);
    if (!point.allFinite()) return false;
    for (size_t i = 0; i < rays.size(); ++i) {
      const double squared = (point - rays[i].centre).squaredNorm();
      if (squared == 0) return false;
      weights[i] = 1 / squared;
    }
  }
  return true;
}

// Whether the point is seen from directions that differ enough.
bool wide(const std::vector<Ray>& rays, const Vector3d& point, double min_angle_deg) {
  const double most_cosine = std::cos(min_angle_deg * std::numbers::pi / 180);
  for (size_t i = 0; i < rays.size(); ++i) {
    const Vector3d from_i = (point - rays[i].centre).normalized();
    for (size_t j = i + 1; j < rays.size(); ++j) {
      if (from_i.dot((point - rays[j].centre).normalized()) < most_cosine) return true;
    }
  }
  return false;
}

std::array<double, 3> as_array(const Vector3d& v) { return {v.x(), v.y(), v.z()}; }

}  // namespace

std::vector<uint8_t> triangulate(Problem& problem, const TriangulateOptions& options) {
  const std::vector<std::vector<size_t>> tracks = tracks_of(problem);
  std::vector<uint8_t> active(problem.observations.size());
  std::vector<Ray> rays;
  for (size_t p = 0; p < tracks.size(); ++p) {
    rays.clear();
    for (const size_t i : tracks[p]) rays.push_back(ray_of(problem, i));
    const std::array<double, 3> before = problem.points[p];
    bool found = false;
    while (rays.size() >= 2) {
      Vector3d point;
      if (!meet(rays, point)) break;
      problem.points[p] = as_array(point);
      const auto error = [&](const Ray& ray) {
        return error_px(problem, problem.observations[ray.observation]);
      };
      const auto worst =
          std::max_element(rays.begin(), rays.end(), [&](const Ray& a, const Ray& b) {
            return error(a) < error(b);
          });
      if (error(*worst) <= options.max_error_px) {
        found = wide(rays, point, options.min_angle_deg);
        break;
      }
      rays.erase(worst);
    }
    if (!found) {
      problem.points[p] = before;
      continue;
    }
    for (const Ray& ray : rays) active[ray.observation] = 1;
  }
  return active;
}

std::vector<uint8_t> agreeing(const Problem& problem, const TriangulateOptions& options) {
  const std::vector<std::vector<size_t>> tracks = tracks_of(problem);
  std::vector<uint8_t> active(problem.observations.size());
  std::vector<Ray> rays;
  for (size_t p = 0; p < tracks.size(); ++p) {
    rays.clear();
    for (const size_t i : tracks[p]) {
      if (error_px(problem, problem.observations[i]) <= options.max_error_px) {
        rays.push_back(ray_of(problem, i));
      }
    }
    const auto& x = problem.points[p];
    if (rays.size() < 2 || !wide(rays, {x[0], x[1], x[2]}, options.min_angle_deg)) continue;
    for (const Ray& ray : rays) active[ray.observation] = 1;
  }
  return active;
}

}  // namespace vggt::ba
