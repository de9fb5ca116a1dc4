// SPDX-License-Identifier: Apache-2.0
#include "src/ba/problem.h"

#include <cmath>
#include <limits>
#include <string>

#include "src/base/error.h"

namespace vggt::ba {
namespace {

[[noreturn]] void fail(const char* list, size_t entry, const std::string& reason) {
  throw ConfigError(std::string(list) + " " + std::to_string(entry), reason);
}

template <class T, class Size>
void check_index(const char* list, size_t entry, const char* name, T index, Size size) {
  if (index >= 0 && static_cast<size_t>(index) < size) return;
  fail(list, entry, std::string("there is no ") + name + " " + std::to_string(index));
}

bool is_rotation(const std::array<double, 9>& r) {
  constexpr double kRounding = 1e-6;  // of what files write with few digits
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      double dot = 0;
      for (int k = 0; k < 3; ++k) dot += r[3 * i + k] * r[3 * j + k];
      if (!(std::abs(dot - (i == j ? 1 : 0)) < kRounding)) return false;
    }
  }
  const double determinant = r[0] * (r[4] * r[8] - r[5] * r[7]) -
                             r[1] * (r[3] * r[8] - r[5] * r[6]) +
                             r[2] * (r[3] * r[7] - r[4] * r[6]);
  return determinant > 0;
}

void check_pose(const char* list, size_t entry, const Rigid& pose) {
  for (const double value : pose.translation) {
    if (!std::isfinite(value)) fail(list, entry, "the translation is not finite");
  }
  if (!is_rotation(pose.rotation)) fail(list, entry, "the rotation is no rotation matrix");
}

}  // namespace

void check(const Problem& problem) {
  for (size_t i = 0; i < problem.lenses.size(); ++i) {
    const Lens& lens = problem.lenses[i];
    for (const double value : {lens.cx_px, lens.cy_px, lens.k1, lens.k2}) {
      if (!std::isfinite(value)) fail("lens", i, "a value is not finite");
    }
    for (const double focal_px : {lens.fx_px, lens.fy_px}) {
      if (!std::isfinite(focal_px) || focal_px <= 0) {
        fail("lens", i, "the focal length must be positive");
      }
    }
  }
  for (size_t i = 0; i < problem.photos.size(); ++i) {
    check_index("photo", i, "lens", problem.photos[i].lens, problem.lenses.size());
    check_pose("photo", i, problem.photos[i].cam_from_world);
  }
  for (size_t i = 0; i < problem.points.size(); ++i) {
    for (const double value : problem.points[i]) {
      if (!std::isfinite(value)) fail("point", i, "the position is not finite");
    }
  }
  for (size_t i = 0; i < problem.observations.size(); ++i) {
    const Observation& observation = problem.observations[i];
    check_index("observation", i, "photo", observation.photo, problem.photos.size());
    check_index("observation", i, "point", observation.point, problem.points.size());
    if (!std::isfinite(observation.x_px) || !std::isfinite(observation.y_px)) {
      fail("observation", i, "the pixel is not finite");
    }
  }
  for (size_t i = 0; i < problem.depth_priors.size(); ++i) {
    const DepthPrior& prior = problem.depth_priors[i];
    check_index("depth prior", i, "photo", prior.photo, problem.photos.size());
    check_index("depth prior", i, "point", prior.point, problem.points.size());
    for (const double value : {prior.depth, prior.deviation}) {
      if (!std::isfinite(value) || value <= 0) {
        fail("depth prior", i, "depth and deviation must be positive");
      }
    }
  }
  for (size_t i = 0; i < problem.pose_priors.size(); ++i) {
    const PosePrior& prior = problem.pose_priors[i];
    check_index("pose prior", i, "photo", prior.photo, problem.photos.size());
    check_pose("pose prior", i, prior.cam_from_world);
    for (const double value : {prior.rotation_deviation, prior.centre_deviation}) {
      if (!std::isfinite(value) || value <= 0) {
        fail("pose prior", i, "deviations must be positive");
      }
    }
  }
}

Projection project(const Lens& lens,
                   const Rigid& cam_from_world,
                   const std::array<double, 3>& point) {
  std::array<double, 3> x = cam_from_world.translation;
  for (int row = 0; row < 3; ++row) {
    for (int k = 0; k < 3; ++k) x[row] += cam_from_world.rotation[3 * row + k] * point[k];
  }
  const double a = x[0] / x[2];
  const double b = x[1] / x[2];
  const double rho = a * a + b * b;
  const double radial = 1 + rho * (lens.k1 + rho * lens.k2);
  return {lens.fx_px * radial * a + lens.cx_px, lens.fy_px * radial * b + lens.cy_px, x[2]};
}

double error_px(const Problem& problem, const Observation& observation) {
  const Photo& photo = problem.photos[observation.photo];
  const Projection seen =
      project(problem.lenses[photo.lens], photo.cam_from_world, problem.points[observation.point]);
  if (!(seen.depth > 0)) return std::numeric_limits<double>::infinity();
  return std::hypot(seen.x_px - observation.x_px, seen.y_px - observation.y_px);
}

std::array<double, 3> direction_in_cam(const Lens& lens, double x_px, double y_px) {
  const double a = (x_px - lens.cx_px) / lens.fx_px;
  const double b = (y_px - lens.cy_px) / lens.fy_px;
  const double distorted = std::hypot(a, b);
  if ((lens.k1 == 0 && lens.k2 == 0) || distorted == 0) return {a, b, 1};
  // The distortion only scales the radius: one unknown. Beyond where it folds back there is no
  // inverse, and the step stops.
  double radius = distorted;
  for (int step = 0; step < 20; ++step) {
    const double rho = radius * radius;
    const double slope = 1 + rho * (3 * lens.k1 + 5 * rho * lens.k2);
    if (slope < 1e-3) break;
    radius -= (radius * (1 + rho * (lens.k1 + rho * lens.k2)) - distorted) / slope;
  }
  return {a * radius / distorted, b * radius / distorted, 1};
}

std::array<double, 3> centre_in_world(const Rigid& cam_from_world) {
  return inverse(cam_from_world).translation;
}

}  // namespace vggt::ba
