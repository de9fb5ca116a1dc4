// SPDX-License-Identifier: Apache-2.0
// What bundle adjustment refines, as plain structs.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "src/geometry/rigid.h"

namespace vggt::ba {

/// Which intrinsics of a lens are refined. The principal point never is: with few photos it trades
/// against the cameras' rotation.
enum class LensModel {
  kFixed,          ///< nothing
  kSimplePinhole,  ///< one focal length: the ratio of the two stays
  kPinhole,        ///< two focal lengths
  kRadial,         ///< one focal length and two terms of radial distortion
};

/// Intrinsics, of one photo or shared by several. With (a, b) = (x / z, y / z) in the camera and
/// rho = a^2 + b^2, a point is seen at
///   (fx a, fy b) * (1 + k1 rho + k2 rho^2) + (cx, cy),
/// origin at the picture's top-left corner. COLMAP's RADIAL where fx = fy.
struct Lens {
  double fx_px = 0;
  double fy_px = 0;
  double cx_px = 0;
  double cy_px = 0;
  double k1 = 0;
  double k2 = 0;
  LensModel model = LensModel::kSimplePinhole;
};

struct Photo {
  Rigid cam_from_world;  ///< OpenCV axes
  int32_t lens = 0;      ///< index in Problem::lenses
  bool fixed = false;    ///< the pose is known and stays
};

/// Where a photo shows a point.
struct Observation {
  int32_t photo = 0;
  int32_t point = 0;
  double x_px = 0;
  double y_px = 0;
};

/// A guess of how far along the optical axis a point lies, up to one unknown factor per photo.
struct DepthPrior {
  int32_t photo = 0;
  int32_t point = 0;
  double depth = 0;      ///< positive, scene units
  double deviation = 0;  ///< standard deviation of its logarithm; counts as an error of one pixel
};

/// A guess of a photo's pose; deviations count as an error of one pixel.
struct PosePrior {
  int32_t photo = 0;
  Rigid cam_from_world;
  double rotation_deviation = 0;  ///< radians
  double centre_deviation = 0;    ///< scene units
};

struct Problem {
  std::vector<Lens> lenses;
  std::vector<Photo> photos;
  std::vector<std::array<double, 3>> points;  ///< world
  std::vector<Observation> observations;      ///< a photo shows a point at most once
  std::vector<DepthPrior> depth_priors;
  std::vector<PosePrior> pose_priors;
};

/// Throws ConfigError naming the list and the entry: an index that refers to nothing, a number that
/// is not finite, a focal length or deviation that is not positive, a rotation that is none.
void check(const Problem& problem);

/// Where the photo shows the world point.
struct Projection {
  double x_px = 0;
  double y_px = 0;
  double depth = 0;  ///< not positive: behind the camera, and x, y mean nothing
};
Projection project(const Lens& lens,
                   const Rigid& cam_from_world,
                   const std::array<double, 3>& point);

/// Distance in pixels between an observation and its point's projection; infinite behind the
/// camera.
double error_px(const Problem& problem, const Observation& observation);

/// The direction in the camera, not of length one (z = 1), that the lens shows at a pixel: the
/// inverse of its projection, by Newton's method where there is distortion.
std::array<double, 3> direction_in_cam(const Lens& lens, double x_px, double y_px);

/// -R^T t.
std::array<double, 3> centre_in_world(const Rigid& cam_from_world);

}  // namespace vggt::ba
