// SPDX-License-Identifier: Apache-2.0
#include "src/eval/nearest_points.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <nanoflann.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace vggt::eval {
namespace {

constexpr size_t kLeaf = 16;

at::Tensor checked(const at::Tensor& points, const char* what) {
  TORCH_CHECK(points.dim() == 2 && points.size(1) == 3,
              "NearestPoints: ",
              what,
              " must be [N, 3], got ",
              points.sizes());
  at::Tensor result = points.to(at::kDouble).contiguous();
  TORCH_CHECK(at::isfinite(result).all().item<bool>(), "NearestPoints: ", what, " must be finite");
  return result;
}

// What nanoflann asks of a set of points.
struct PointSet {
  const double* xyz = nullptr;
  size_t count = 0;

  // The names are nanoflann's.
  size_t kdtree_get_point_count() const { return count; }
  double kdtree_get_pt(size_t point, size_t axis) const { return xyz[3 * point + axis]; }
  template <class Box>
  bool kdtree_get_bbox(Box&) const {
    return false;
  }
};

}  // namespace

struct NearestPoints::Tree {
  using Index = nanoflann::KDTreeSingleIndexAdaptor<
      nanoflann::L2_Simple_Adaptor<double, PointSet, double, size_t>,
      PointSet,
      3,
      size_t>;

  explicit Tree(const at::Tensor& points)
      : points(points),
        set{points.const_data_ptr<double>(), static_cast<size_t>(points.size(0))},
        index(3, set, nanoflann::KDTreeSingleIndexAdaptorParams(kLeaf)) {
    index.buildIndex();
  }

  at::Tensor points;
  PointSet set;
  Index index;
};

NearestPoints::NearestPoints(const at::Tensor& points) {
  const at::Tensor set = checked(points, "points");
  TORCH_CHECK(set.size(0) > 0, "NearestPoints: there are no points");
  tree_ = std::make_unique<Tree>(set);
}

NearestPoints::~NearestPoints() = default;

NearestPoints::Found NearestPoints::find(const at::Tensor& queries, int64_t k) const {
  const at::Tensor from = checked(queries, "queries");
  const int64_t most = std::min<int64_t>(k, static_cast<int64_t>(tree_->set.count));
  TORCH_CHECK(most > 0, "NearestPoints: k must be positive, got ", k);
  Found found{at::empty({from.size(0), most}, at::kDouble),
              at::empty({from.size(0), most}, at::kLong)};
  const double* query = from.const_data_ptr<double>();
  double* distance = found.distance.mutable_data_ptr<double>();
  int64_t* index = found.index.mutable_data_ptr<int64_t>();
  constexpr int64_t kGrain = 1024;  // queries that are worth a thread
  at::parallel_for(0, from.size(0), kGrain, [&](int64_t begin, int64_t end) {
    std::vector<size_t> indices(static_cast<size_t>(most));
    std::vector<double> squares(static_cast<size_t>(most));
    for (int64_t i = begin; i < end; ++i) {
      tree_->index.knnSearch(
          query + 3 * i, static_cast<size_t>(most), indices.data(), squares.data());
      for (int64_t n = 0; n < most; ++n) {
        distance[i * most + n] = std::sqrt(squares[static_cast<size_t>(n)]);
        index[i * most + n] = static_cast<int64_t>(indices[static_cast<size_t>(n)]);
      }
    }
  });
  return found;
}

}  // namespace vggt::eval
