// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/Tensor.h>

namespace vggt::eval {

/// Finds the nearest of a set of points, exactly: a k-d tree with leaves of at most 16 points.
/// Queries run on all cores.
class NearestPoints {
 public:
  /// points  [N, 3], finite, any floating type, N >= 1. Throws c10::Error otherwise.
  explicit NearestPoints(const at::Tensor& points);
  ~NearestPoints();
  NearestPoints(const NearestPoints&) = delete;
  NearestPoints& operator=(const NearestPoints&) = delete;

  struct Found {
    at::Tensor distance;  ///< [M, k] double, Euclidean, ascending
    at::Tensor index;     ///< [M, k] int64, into the points
  };

  /// queries  [M, 3], finite
  /// k        how many; at most N are found
  Found find(const at::Tensor& queries, int64_t k = 1) const;

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
};

}  // namespace vggt::eval
