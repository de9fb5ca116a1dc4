// SPDX-License-Identifier: Apache-2.0
#include "viewer/to_open3d.h"

#include <open3d/core/Tensor.h>
#include <open3d/geometry/Image.h>
#include <open3d/geometry/LineSet.h>
#include <open3d/geometry/TriangleMesh.h>
#include <open3d/t/geometry/PointCloud.h>
#include <open3d/visualization/rendering/Camera.h>
#include <open3d/visualization/rendering/MaterialRecord.h>

#include <algorithm>
#include <cmath>

namespace vggt::viewer {

namespace o3d = open3d;
using o3d::visualization::rendering::MaterialRecord;

double before_linear(double level) {
  return level <= 0.0031308 ? 12.92 * level : 1.055 * std::pow(level, 1 / 2.4) - 0.055;
}

o3d::t::geometry::PointCloud to_open3d(const Points& points,
                                       std::span<const uint32_t> chosen,
                                       std::span<const Rgb> colours) {
  const auto n = static_cast<int64_t>(chosen.size());
  o3d::core::Tensor position({n, 3}, o3d::core::Float32);
  o3d::core::Tensor colour({n, 3}, o3d::core::Float32);
  auto* x = static_cast<float*>(position.GetDataPtr());
  auto* c = static_cast<float*>(colour.GetDataPtr());
  for (size_t i = 0; i < chosen.size(); ++i) {
    x = std::copy_n(points.position[chosen[i]].begin(), 3, x);
    for (uint8_t channel : colours[i]) *c++ = static_cast<float>(channel) / 255;
  }
  o3d::t::geometry::PointCloud cloud;
  cloud.SetPointPositions(position);
  cloud.SetPointColors(colour);
  return cloud;
}

o3d::geometry::LineSet to_open3d(std::span<const Line> lines) {
  o3d::geometry::LineSet set;
  for (const Line& line : lines) {
    const int first = static_cast<int>(set.points_.size());
    set.points_.push_back(line.from);
    set.points_.push_back(line.to);
    set.lines_.emplace_back(first, first + 1);
    set.colors_.emplace_back(
        line.colour[0] / 255.0, line.colour[1] / 255.0, line.colour[2] / 255.0);
  }
  return set;
}

std::shared_ptr<o3d::geometry::Image> to_open3d(const Picture& picture) {
  auto image = std::make_shared<o3d::geometry::Image>();
  image->Prepare(std::max(picture.width, 1), std::max(picture.height, 1), 3, 1);
  std::copy(picture.rgb.begin(), picture.rgb.end(), image->data_.begin());
  return image;
}

Picture to_picture(const o3d::geometry::Image& image) {
  Picture picture{.width = image.width_, .height = image.height_};
  picture.rgb.resize(static_cast<size_t>(3) * image.width_ * image.height_);
  for (int y = 0; y < image.height_; ++y) {
    for (int x = 0; x < image.width_; ++x) {
      for (int c = 0; c < 3; ++c) {
        picture.at(x, y)[c] =
            *image.PointerAt<uint8_t>(x, y, std::min(c, image.num_of_channels_ - 1));
      }
    }
  }
  return picture;
}

o3d::geometry::TriangleMesh plane_of(const Camera& camera, double depth) {
  const auto width = static_cast<double>(camera.width_px);
  const auto height = static_cast<double>(camera.height_px);
  o3d::geometry::TriangleMesh mesh;
  mesh.vertices_ = {unproject(camera, 0, 0, depth),
                    unproject(camera, width, 0, depth),
                    unproject(camera, width, height, depth),
                    unproject(camera, 0, height, depth)};
  // What has no colour is drawn half as bright.
  mesh.vertex_colors_.assign(4, Eigen::Vector3d::Ones());
  // Both sides are seen.
  mesh.triangles_ = {{0, 2, 1}, {0, 3, 2}, {0, 1, 2}, {0, 2, 3}};
  const std::array<Eigen::Vector2d, 4> corners = {
      Eigen::Vector2d{0, 0}, Eigen::Vector2d{1, 0}, Eigen::Vector2d{1, 1}, Eigen::Vector2d{0, 1}};
  for (const auto& triangle : mesh.triangles_) {
    for (int c = 0; c < 3; ++c) {
      mesh.triangle_uvs_.push_back(corners[static_cast<size_t>(triangle[c])]);
    }
  }
  mesh.triangle_material_ids_.assign(mesh.triangles_.size(), 0);
  return mesh;
}

MaterialRecord point_material(int size_px) {
  MaterialRecord material;
  material.shader = "defaultUnlit";
  material.point_size = static_cast<float>(size_px);
  return material;
}

MaterialRecord line_material(double width_px) {
  MaterialRecord material;
  material.shader = "unlitLine";
  material.line_width = static_cast<float>(width_px);
  return material;
}

MaterialRecord picture_material(const Picture& picture) {
  Picture encoded = picture;
  for (uint8_t& level : encoded.rgb) {
    level = static_cast<uint8_t>(std::lround(255 * before_linear(level / 255.0)));
  }
  MaterialRecord material;
  material.shader = "defaultUnlit";
  material.albedo_img = to_open3d(encoded);
  return material;
}

Eigen::Matrix3d intrinsics_of(const Camera& camera) {
  Eigen::Matrix3d matrix;
  matrix << camera.fx_px, 0, camera.cx_px, 0, camera.fy_px, camera.cy_px, 0, 0, 1;
  return matrix;
}

Eigen::Matrix4d extrinsics_of(const Camera& camera) {
  Eigen::Matrix4d matrix = Eigen::Matrix4d::Identity();
  matrix.topLeftCorner<3, 3>() = rotation_of(camera);
  matrix.topRightCorner<3, 1>() = Eigen::Map<const Eigen::Vector3d>(camera.translation.data());
  return matrix;
}

Camera camera_from(const o3d::visualization::rendering::Camera& camera, Camera like) {
  // OpenGL's axes: y up, z backward.
  Eigen::Matrix4d world_from_cam = camera.GetModelMatrix().matrix().cast<double>();
  world_from_cam.col(1) *= -1;
  world_from_cam.col(2) *= -1;
  const Eigen::Matrix4d cam_from_world = world_from_cam.inverse();
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      like.rotation[static_cast<size_t>(3 * row + column)] = cam_from_world(row, column);
    }
    like.translation[static_cast<size_t>(row)] = cam_from_world(row, 3);
  }
  return like;
}

}  // namespace vggt::viewer
