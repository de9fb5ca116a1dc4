// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <memory>
#include <span>
#include <vector>

#include "viewer/scene/cameras.h"
#include "viewer/scene/scene.h"

namespace open3d {
namespace geometry {
class Image;
class LineSet;
class TriangleMesh;
}  // namespace geometry
namespace t::geometry {
class PointCloud;
}
namespace visualization::rendering {
class Camera;
struct MaterialRecord;
}  // namespace visualization::rendering
}  // namespace open3d

namespace vggt::viewer {

/// Colours are given as they should appear: the view must have no post-processing.
open3d::t::geometry::PointCloud to_open3d(const Points& points,
                                          std::span<const uint32_t> chosen,
                                          std::span<const Rgb> colours);
open3d::geometry::LineSet to_open3d(std::span<const Line> lines);
std::shared_ptr<open3d::geometry::Image> to_open3d(const Picture& picture);

/// The picture plane of a camera at that depth, to be textured by picture_material().
open3d::geometry::TriangleMesh plane_of(const Camera& camera, double depth);

open3d::visualization::rendering::MaterialRecord point_material(int size_px);
open3d::visualization::rendering::MaterialRecord line_material(double width_px);
open3d::visualization::rendering::MaterialRecord picture_material(const Picture& picture);

/// What Filament is given for a level that should appear as `level`, where it takes it for sRGB and
/// makes it linear, as textures and backgrounds.
double before_linear(double level);

Eigen::Matrix3d intrinsics_of(const Camera& camera);
Eigen::Matrix4d extrinsics_of(const Camera& camera);  ///< cam_from_world

/// Where an Open3D camera stands, with the size and intrinsics of `like`.
Camera camera_from(const open3d::visualization::rendering::Camera& camera, Camera like);

Picture to_picture(const open3d::geometry::Image& image);

}  // namespace vggt::viewer
