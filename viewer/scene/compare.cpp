// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/compare.h"

#include "src/base/percentile.h"
#include "viewer/scene/cameras.h"

#include <Eigen/Geometry>
#include <Eigen/SVD>
#include <nanoflann.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace vggt::viewer {
namespace {

using Eigen::Vector3d;

Vector3d vector_of(const Vec3f& p) {
  return Eigen::Map<const Eigen::Vector3f>(p.data()).cast<double>();
}

struct Pair {
  int a = 0;
  int b = 0;
};

std::vector<Pair> shared_photos(const Scene& a, const Scene& b) {
  std::map<std::string, int> by_name;
  for (size_t i = 0; i < b.photos.size(); ++i) by_name[b.photos[i].name] = static_cast<int>(i);
  std::vector<Pair> pairs;
  for (size_t i = 0; i < a.photos.size(); ++i) {
    const auto found = by_name.find(a.photos[i].name);
    if (found != by_name.end()) pairs.push_back({static_cast<int>(i), found->second});
  }
  return pairs;
}

double median_depth(const Scene& scene, int photo) {
  std::vector<float> depths;
  for (size_t i = 0; i < scene.points.depth.size(); ++i) {
    if (scene.points.frame[i] == photo) depths.push_back(scene.points.depth[i]);
  }
  return depths.empty() ? 0 : static_cast<double>(percentile(depths, 50));
}

double scale_of(const Scene& a, const Scene& b, const std::vector<Pair>& pairs) {
  Vector3d mean_a = Vector3d::Zero();
  Vector3d mean_b = Vector3d::Zero();
  for (const Pair& pair : pairs) {
    mean_a += centre_of(a.photos[static_cast<size_t>(pair.a)].camera);
    mean_b += centre_of(b.photos[static_cast<size_t>(pair.b)].camera);
  }
  mean_a /= static_cast<double>(pairs.size());
  mean_b /= static_cast<double>(pairs.size());
  double spread_a = 0;
  double spread_b = 0;
  for (const Pair& pair : pairs) {
    spread_a += (centre_of(a.photos[static_cast<size_t>(pair.a)].camera) - mean_a).squaredNorm();
    spread_b += (centre_of(b.photos[static_cast<size_t>(pair.b)].camera) - mean_b).squaredNorm();
  }
  const double n = static_cast<double>(pairs.size());
  constexpr double kLeastSpread = 0.01;  // of the scene: below it the noise of poses decides
  if (std::sqrt(spread_a / n) > kLeastSpread * bounds_of(a).radius() &&
      std::sqrt(spread_b / n) > kLeastSpread * bounds_of(b).radius()) {
    return std::sqrt(spread_b / spread_a);
  }
  std::vector<double> ratios;
  for (const Pair& pair : pairs) {
    const double depth_a = median_depth(a, pair.a);
    const double depth_b = median_depth(b, pair.b);
    if (depth_a > 0 && depth_b > 0) ratios.push_back(depth_b / depth_a);
  }
  return ratios.empty() ? 1 : percentile(ratios, 50);
}

// nanoflann's view of a cloud.
struct Cloud {
  const std::vector<Vec3f>& position;
  size_t kdtree_get_point_count() const { return position.size(); }
  float kdtree_get_pt(size_t i, size_t c) const { return position[i][c]; }
  template <class Box>
  bool kdtree_get_bbox(Box&) const {
    return false;
  }
};
using Tree = nanoflann::
    KDTreeSingleIndexAdaptor<nanoflann::L2_Simple_Adaptor<float, Cloud>, Cloud, 3, uint32_t>;

std::vector<float> nearest_distances(const Points& from, const Points& to) {
  std::vector<float> distance(from.size(), std::numeric_limits<float>::quiet_NaN());
  if (to.size() == 0) return distance;
  const Cloud cloud{to.position};
  constexpr size_t kLeaf = 16;
  Tree tree(3, cloud, nanoflann::KDTreeSingleIndexAdaptorParams(kLeaf));
  tree.buildIndex();
  for (size_t i = 0; i < from.size(); ++i) {
    uint32_t index = 0;
    float squared = 0;
    tree.knnSearch(from.position[i].data(), 1, &index, &squared);
    distance[i] = std::sqrt(squared);
  }
  return distance;
}

// Whether all points of both come from the same pixels in the same order: results of one set of
// photos do.
bool pixels_agree(const Scene& a, const Scene& b) {
  if (a.kind != SceneKind::kResult || b.kind != SceneKind::kResult) return false;
  if (a.points.size() != b.points.size() || a.photos.size() != b.photos.size()) return false;
  for (size_t i = 0; i < a.photos.size(); ++i) {
    if (a.photos[i].name != b.photos[i].name) return false;
  }
  return !a.points.frame.empty() && a.points.frame == b.points.frame;
}

}  // namespace

Alignment align(const Scene& a, const Scene& b) {
  Alignment out;
  const std::vector<Pair> pairs = shared_photos(a, b);
  out.shared_photos = pairs.size();
  if (pairs.empty()) return out;
  Eigen::Matrix3d sum = Eigen::Matrix3d::Zero();
  for (const Pair& pair : pairs) {
    sum += rotation_of(b.photos[static_cast<size_t>(pair.b)].camera).transpose() *
           rotation_of(a.photos[static_cast<size_t>(pair.a)].camera);
  }
  const Eigen::JacobiSVD<Eigen::Matrix3d> svd(sum, Eigen::ComputeFullU | Eigen::ComputeFullV);
  Vector3d signs = Vector3d::Ones();
  signs.z() = (svd.matrixU() * svd.matrixV().transpose()).determinant() < 0 ? -1 : 1;
  out.rotation = svd.matrixU() * signs.asDiagonal() * svd.matrixV().transpose();
  out.scale = scale_of(a, b, pairs);
  for (const Pair& pair : pairs) {
    out.translation +=
        centre_of(b.photos[static_cast<size_t>(pair.b)].camera) -
        out.scale * out.rotation * centre_of(a.photos[static_cast<size_t>(pair.a)].camera);
  }
  out.translation /= static_cast<double>(pairs.size());
  return out;
}

void apply(const Alignment& alignment, Scene& scene) {
  for (Vec3f& p : scene.points.position) {
    const Eigen::Vector3f moved =
        (alignment.scale * alignment.rotation * vector_of(p) + alignment.translation).cast<float>();
    p = {moved.x(), moved.y(), moved.z()};
  }
  for (float& depth : scene.points.depth) depth *= static_cast<float>(alignment.scale);
  const auto move = [&](Camera& camera) {
    const Vector3d centre =
        alignment.scale * alignment.rotation * centre_of(camera) + alignment.translation;
    const Eigen::Matrix<double, 3, 3, Eigen::RowMajor> rotation =
        rotation_of(camera) * alignment.rotation.transpose();
    const Vector3d translation = -rotation * centre;
    std::copy_n(rotation.data(), 9, camera.rotation.begin());
    std::copy_n(translation.data(), 3, camera.translation.begin());
  };
  for (Photo& photo : scene.photos) {
    move(photo.camera);
    move(photo.network_camera);
    for (Observation& seen : photo.observations) {
      const Eigen::Vector3f moved =
          (alignment.scale * alignment.rotation * vector_of(seen.point) + alignment.translation)
              .cast<float>();
      seen.point = {moved.x(), moved.y(), moved.z()};
    }
  }
}

double compare(Scene& a, Scene& b) {
  if (pixels_agree(a, b)) {
    a.points.error.resize(a.points.size());
    for (size_t i = 0; i < a.points.size(); ++i) {
      a.points.error[i] = static_cast<float>(
          (vector_of(a.points.position[i]) - vector_of(b.points.position[i])).norm());
    }
    b.points.error = a.points.error;
  } else {
    a.points.error = nearest_distances(a.points, b.points);
    b.points.error = nearest_distances(b.points, a.points);
  }
  std::vector<float> finite;
  for (float error : a.points.error) {
    if (std::isfinite(error)) finite.push_back(error);
  }
  return finite.empty() ? 0 : static_cast<double>(percentile(finite, 50));
}

}  // namespace vggt::viewer
