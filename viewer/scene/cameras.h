// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "viewer/scene/scene.h"

namespace vggt::viewer {

Eigen::Matrix3d rotation_of(const Camera& camera);  ///< cam_from_world
Eigen::Vector3d centre_of(const Camera& camera);    ///< in the world

/// Where a point of the world lies in a camera's picture.
struct Projected {
  double x_px = 0;
  double y_px = 0;
  double depth = 0;  ///< along the axis; not in front where it is not positive
};
Projected project(const Camera& camera, const Eigen::Vector3d& point);

/// The point at `depth` along the axis that projects to (x, y).
Eigen::Vector3d unproject(const Camera& camera, double x_px, double y_px, double depth);

/// A camera of that size and vertical field of view that stands at `eye`.
Camera look_at(const Eigen::Vector3d& eye,
               const Eigen::Vector3d& target,
               const Eigen::Vector3d& up,
               int width,
               int height,
               double vertical_fov_deg = 60);

/// The same view for a picture of another size: all that was seen stays in, centred.
Camera fitted(const Camera& camera, int width, int height);

/// Where a scene lies: without its farthest points, which are often wrong.
struct Bounds {
  Eigen::Vector3d low = Eigen::Vector3d::Constant(-1);
  Eigen::Vector3d high = Eigen::Vector3d::Constant(1);

  Eigen::Vector3d centre() const { return (low + high) / 2; }
  double radius() const { return (high - low).norm() / 2; }
};

/// Around the middle 96 percent of the points along each axis, and all cameras.
Bounds bounds_of(const Scene& scene);

/// The direction that is up: the mean of the cameras' own; -y, which is up in the world of a first
/// camera, where there are none or they contradict each other. A unit vector.
Eigen::Vector3d guess_up(const std::vector<Photo>& photos);

/// The camera to begin with: from behind the cameras, or else at an angle, at the whole scene.
Camera first_look(const Scene& scene, const Eigen::Vector3d& up, int width, int height);

/// Camera k of n on a circle around the scene.
Camera turntable(
    const Bounds& bounds, const Eigen::Vector3d& up, int k, int n, int width, int height);

/// A coloured piece of a line in the world.
struct Line {
  Eigen::Vector3d from;
  Eigen::Vector3d to;
  Rgb colour{};
};

/// The four edges and the picture's rim, `size` deep; a tick on its upper side.
void add_frustum(const Camera& camera, double size, const Rgb& colour, std::vector<Line>& lines);

/// How deep frusta are drawn: by the distance between cameras, or else by the scene.
double frustum_size(const Scene& scene);

/// Frusta of the photos up to `last_frame`, the selected one stands out, and the way between them.
std::vector<Line> camera_lines(const Scene& scene, int selected, int32_t last_frame, double size);
inline constexpr Rgb kCameraColour = {40, 130, 255};
inline constexpr Rgb kSelectedColour = {255, 60, 200};
inline constexpr Rgb kWayColour = {255, 150, 0};
inline constexpr Rgb kMeasureColour = {255, 255, 0};

/// The world's axes in red, green and blue, and a grid across `up` below the scene.
std::vector<Line> axis_lines(const Bounds& bounds);
std::vector<Line> grid_lines(const Bounds& bounds, const Eigen::Vector3d& up);

/// The edges of a box of the world.
std::vector<Line> box_lines(const Eigen::Vector3d& low, const Eigen::Vector3d& high);

/// Of the points `chosen` the one nearest to the eye among those that project within `radius_px` of
/// (x, y); of the cameras the one whose centre does, or whose frustum of `size` is hit.
std::optional<uint32_t> pick_point(const Points& points,
                                   const std::vector<uint32_t>& chosen,
                                   const Camera& camera,
                                   double x_px,
                                   double y_px,
                                   double radius_px);
std::optional<int> pick_camera(
    const Scene& scene, const Camera& camera, double x_px, double y_px, double size);

}  // namespace vggt::viewer
