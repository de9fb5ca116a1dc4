// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/cameras.h"

#include "src/base/percentile.h"

#include <Eigen/Geometry>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace vggt::viewer {
namespace {

using Eigen::Vector3d;
using RowMajor = Eigen::Matrix<double, 3, 3, Eigen::RowMajor>;

Vector3d translation_of(const Camera& camera) {
  return Eigen::Map<const Vector3d>(camera.translation.data());
}

// Any unit vector across `axis`.
Vector3d across(const Vector3d& axis) {
  const Vector3d helper = std::abs(axis.x()) < 0.9 ? Vector3d::UnitX() : Vector3d::UnitY();
  return axis.cross(helper).normalized();
}

}  // namespace

Eigen::Matrix3d rotation_of(const Camera& camera) {
  return Eigen::Map<const RowMajor>(camera.rotation.data());
}

Vector3d centre_of(const Camera& camera) {
  return -rotation_of(camera).transpose() * translation_of(camera);
}

Projected project(const Camera& camera, const Vector3d& point) {
  const Vector3d in_cam = rotation_of(camera) * point + translation_of(camera);
  return {camera.fx_px * in_cam.x() / in_cam.z() + camera.cx_px,
          camera.fy_px * in_cam.y() / in_cam.z() + camera.cy_px,
          in_cam.z()};
}

Vector3d unproject(const Camera& camera, double x_px, double y_px, double depth) {
  const Vector3d in_cam(depth * (x_px - camera.cx_px) / camera.fx_px,
                        depth * (y_px - camera.cy_px) / camera.fy_px,
                        depth);
  return rotation_of(camera).transpose() * (in_cam - translation_of(camera));
}

Camera look_at(const Vector3d& eye,
               const Vector3d& target,
               const Vector3d& up,
               int width,
               int height,
               double vertical_fov_deg) {
  Vector3d forward = target - eye;
  forward = forward.norm() > 0 ? forward.normalized() : Vector3d(Vector3d::UnitZ());
  Vector3d right = forward.cross(up);
  right = right.norm() > 1e-9 ? right.normalized() : across(forward);
  RowMajor rotation;
  rotation.row(0) = right;
  rotation.row(1) = forward.cross(right);
  rotation.row(2) = forward;
  const Vector3d translation = -rotation * eye;
  const double focal = height / 2.0 / std::tan(vertical_fov_deg * std::numbers::pi / 360);
  Camera camera{.width_px = width,
                .height_px = height,
                .fx_px = focal,
                .fy_px = focal,
                .cx_px = width / 2.0,
                .cy_px = height / 2.0};
  std::copy_n(rotation.data(), 9, camera.rotation.begin());
  std::copy_n(translation.data(), 3, camera.translation.begin());
  return camera;
}

Camera fitted(const Camera& camera, int width, int height) {
  const double scale = std::min(width / static_cast<double>(camera.width_px),
                                height / static_cast<double>(camera.height_px));
  Camera out = camera;
  out.width_px = width;
  out.height_px = height;
  out.fx_px *= scale;
  out.fy_px *= scale;
  out.cx_px = (camera.cx_px - camera.width_px / 2.0) * scale + width / 2.0;
  out.cy_px = (camera.cy_px - camera.height_px / 2.0) * scale + height / 2.0;
  return out;
}

Bounds bounds_of(const Scene& scene) {
  Bounds bounds;
  constexpr size_t kSample = 50'000;
  const auto& position = scene.points.position;
  const size_t step = std::max<size_t>(1, position.size() / kSample);
  bool found = false;
  for (int c = 0; c < 3; ++c) {
    std::vector<float> sample;
    for (size_t i = 0; i < position.size(); i += step) {
      if (std::isfinite(position[i][c])) sample.push_back(position[i][c]);
    }
    if (sample.empty()) continue;
    bounds.low[c] = static_cast<double>(percentile(sample, 2));
    bounds.high[c] = static_cast<double>(percentile(sample, 98));
    found = true;
  }
  for (const Photo& photo : scene.photos) {
    const Vector3d centre = centre_of(photo.camera);
    bounds.low = found ? Vector3d(bounds.low.cwiseMin(centre)) : centre;
    bounds.high = found ? Vector3d(bounds.high.cwiseMax(centre)) : centre;
    found = true;
  }
  // One camera or one point has no extent, but a place to look at.
  if (bounds.radius() < 1e-9) {
    bounds.low -= Vector3d::Constant(0.5);
    bounds.high += Vector3d::Constant(0.5);
  }
  return bounds;
}

Vector3d guess_up(const std::vector<Photo>& photos) {
  Vector3d sum = Vector3d::Zero();
  for (const Photo& photo : photos) sum -= rotation_of(photo.camera).row(1).transpose();
  const double least = 0.1 * static_cast<double>(photos.size());
  if (photos.empty() || sum.norm() < least) return -Vector3d::UnitY();
  return sum.normalized();
}

Camera first_look(const Scene& scene, const Vector3d& up, int width, int height) {
  const Bounds bounds = bounds_of(scene);
  Vector3d forward = Vector3d::Zero();
  for (const Photo& photo : scene.photos) forward += rotation_of(photo.camera).row(2).transpose();
  // Cameras around a thing look in all directions: then any side will do.
  if (forward.norm() < 0.3 * static_cast<double>(std::max<size_t>(scene.photos.size(), 1))) {
    forward = across(up).cross(up);
  }
  Vector3d direction = forward.normalized() - 0.35 * up;
  direction = direction.norm() > 1e-6 ? direction.normalized() : across(up);
  const double distance = 1.9 * std::max(bounds.radius(), 1e-6);
  return look_at(bounds.centre() - distance * direction, bounds.centre(), up, width, height);
}

Camera turntable(const Bounds& bounds, const Vector3d& up, int k, int n, int width, int height) {
  const double angle = 2 * std::numbers::pi * k / std::max(n, 1);
  const Vector3d side = across(up);
  const Vector3d ahead = up.cross(side);
  const Vector3d out = std::cos(angle) * side + std::sin(angle) * ahead + 0.4 * up;
  const double distance = 2 * std::max(bounds.radius(), 1e-6);
  return look_at(bounds.centre() + distance * out.normalized(), bounds.centre(), up, width, height);
}

void add_frustum(const Camera& camera, double size, const Rgb& colour, std::vector<Line>& lines) {
  const auto width = static_cast<double>(camera.width_px);
  const auto height = static_cast<double>(camera.height_px);
  const Vector3d centre = centre_of(camera);
  const std::array<Vector3d, 4> corners = {unproject(camera, 0, 0, size),
                                           unproject(camera, width, 0, size),
                                           unproject(camera, width, height, size),
                                           unproject(camera, 0, height, size)};
  for (size_t i = 0; i < corners.size(); ++i) {
    lines.push_back({centre, corners[i], colour});
    lines.push_back({corners[i], corners[(i + 1) % corners.size()], colour});
  }
  const Vector3d tip = unproject(camera, width / 2, -height / 5, size);
  lines.push_back({unproject(camera, width / 3, 0, size), tip, colour});
  lines.push_back({unproject(camera, 2 * width / 3, 0, size), tip, colour});
}

double frustum_size(const Scene& scene) {
  const double of_scene = 0.06 * bounds_of(scene).radius();
  std::vector<double> steps;
  for (size_t i = 1; i < scene.photos.size(); ++i) {
    steps.push_back(
        (centre_of(scene.photos[i].camera) - centre_of(scene.photos[i - 1].camera)).norm());
  }
  if (steps.empty()) return of_scene;
  return std::clamp(0.6 * percentile(steps, 50), of_scene / 3, 2 * of_scene);
}

std::vector<Line> camera_lines(const Scene& scene, int selected, int32_t last_frame, double size) {
  std::vector<Line> lines;
  for (int i = 0; i < static_cast<int>(scene.photos.size()) && i <= last_frame; ++i) {
    const Camera& camera = scene.photos[static_cast<size_t>(i)].camera;
    add_frustum(camera, size, i == selected ? kSelectedColour : kCameraColour, lines);
    if (i > 0) {
      const Camera& before = scene.photos[static_cast<size_t>(i) - 1].camera;
      lines.push_back({centre_of(before), centre_of(camera), kWayColour});
    }
  }
  return lines;
}

std::vector<Line> axis_lines(const Bounds& bounds) {
  const double length = 0.3 * bounds.radius();
  const Vector3d origin = Vector3d::Zero();
  return {{origin, length * Vector3d::UnitX(), {230, 50, 50}},
          {origin, length * Vector3d::UnitY(), {50, 200, 50}},
          {origin, length * Vector3d::UnitZ(), {70, 90, 255}}};
}

std::vector<Line> grid_lines(const Bounds& bounds, const Vector3d& up) {
  constexpr int kHalf = 10;
  constexpr Rgb kGridColour = {120, 120, 120};
  const Vector3d side = across(up);
  const Vector3d ahead = up.cross(side);
  // Below what the box of the scene reaches along `up`.
  const Vector3d half = (bounds.high - bounds.low) / 2;
  const Vector3d middle = bounds.centre() - up * half.dot(up.cwiseAbs());
  const double reach = 1.2 * bounds.radius();
  std::vector<Line> lines;
  for (int k = -kHalf; k <= kHalf; ++k) {
    const double shift = reach * k / kHalf;
    lines.push_back({middle + shift * side - reach * ahead,
                     middle + shift * side + reach * ahead,
                     kGridColour});
    lines.push_back({middle + shift * ahead - reach * side,
                     middle + shift * ahead + reach * side,
                     kGridColour});
  }
  return lines;
}

std::vector<Line> box_lines(const Vector3d& low, const Vector3d& high) {
  constexpr Rgb kBoxColour = {255, 230, 80};
  std::vector<Line> lines;
  const auto corner = [&](int bits) {
    return Vector3d((bits & 1) ? high.x() : low.x(),
                    (bits & 2) ? high.y() : low.y(),
                    (bits & 4) ? high.z() : low.z());
  };
  for (int bits = 0; bits < 8; ++bits) {
    for (int axis = 1; axis < 8; axis *= 2) {
      if (!(bits & axis)) lines.push_back({corner(bits), corner(bits | axis), kBoxColour});
    }
  }
  return lines;
}

std::optional<uint32_t> pick_point(const Points& points,
                                   const std::vector<uint32_t>& chosen,
                                   const Camera& camera,
                                   double x_px,
                                   double y_px,
                                   double radius_px) {
  std::optional<uint32_t> best;
  double nearest = std::numeric_limits<double>::infinity();
  for (uint32_t i : chosen) {
    const Vec3f& p = points.position[i];
    const Projected at =
        project(camera, Eigen::Map<const Eigen::Vector3f>(p.data()).cast<double>());
    if (!(at.depth > 0) || at.depth >= nearest) continue;
    if (std::hypot(at.x_px - x_px, at.y_px - y_px) > radius_px) continue;
    nearest = at.depth;
    best = i;
  }
  return best;
}

std::optional<int> pick_camera(
    const Scene& scene, const Camera& camera, double x_px, double y_px, double size) {
  std::optional<int> best;
  constexpr double kReach = 14;  // pixels around the tip, or the middle of the picture's plane
  double nearest = kReach;
  for (size_t i = 0; i < scene.photos.size(); ++i) {
    const Camera& of_photo = scene.photos[i].camera;
    const Vector3d middle =
        unproject(of_photo, of_photo.width_px / 2.0, of_photo.height_px / 2.0, size);
    for (const Vector3d& point : {centre_of(of_photo), middle}) {
      const Projected at = project(camera, point);
      if (!(at.depth > 0)) continue;
      const double distance = std::hypot(at.x_px - x_px, at.y_px - y_px);
      if (distance < nearest) {
        nearest = distance;
        best = static_cast<int>(i);
      }
    }
  }
  return best;
}

}  // namespace vggt::viewer
