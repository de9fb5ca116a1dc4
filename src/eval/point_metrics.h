// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/geometry/similarity.h"

namespace vggt::eval {

/// Unit normals [N, 3] double of points [N, 3], by the directions in which the `neighbours` nearest
/// points (the point itself among them) vary least. Their sign is arbitrary.
at::Tensor estimate_normals(const at::Tensor& points, int64_t neighbours = 30);

/// The mean of the points in each cube of side `voxel`; the grid begins half a voxel below the
/// least coordinates, as Open3D's does. Cubes in order of their first point. [M, 3] double.
at::Tensor voxel_means(const at::Tensor& points, double voxel);

/// At most `most` of the points [N, 3], drawn without repetition by a fixed rule from the seed, in
/// their order; all if there are no more, or `most` is 0.
at::Tensor draw_points(const at::Tensor& points, int64_t most, uint64_t seed);

/// As many of the points [N, 3], in their order, as are at least `apart` from each other, tried one
/// after the other in an order that is drawn by a fixed rule from the seed.
at::Tensor spread_points(const at::Tensor& points, double apart, uint64_t seed);

/// `points` as CUT3R's and Spann3R's scripts bring them onto `target`, of the same pixels and both
/// in the first camera's frame: each is moved in z to its median depth, the points are scaled by the
/// medians of the distances from the coordinates' medians, target over points, of which the latter
/// stays within 1e-3 and 1e3. Both [N, 3]; returns [N, 3] double.
at::Tensor match_by_medians(const at::Tensor& points, const at::Tensor& target);

struct IcpOptions {
  double farthest = 0.1;  ///< pairs farther apart do not count; 0.1 m, for DTU's millimetres 100
  int64_t most_steps = 30;
  double tolerance = 1e-6;  ///< of the share of points with a pair, and of their distance (RMS)
  bool with_scale = false;
};

/// The rigid transform, or similarity, that brings `points` closer to `target`, found by pairing each point with
/// the nearest and aligning the pairs, again and again.
/// Besl and McKay, "A Method for Registration of 3-D Shapes", PAMI 1992.
Similarity refine_by_icp(const at::Tensor& points,
                         const at::Tensor& target,
                         const IcpOptions& options);

/// A figure over all points, its mean and median.
struct MeanAndMedian {
  double mean = 0;
  double median = 0;
};

/// Of at least one number, double.
MeanAndMedian mean_and_median(const at::Tensor& values);

struct FScore {
  double distance = 0;
  double precision = 0;  ///< share of predicted points nearer than that to a true one
  double recall = 0;     ///< share of true points nearer than that to a predicted one
  double f = 0;          ///< 2 P R / (P + R); 0 where both are 0
};

/// Lengths are in units of the truth.
struct PointScores {
  int64_t predicted_points = 0;
  int64_t true_points = 0;
  MeanAndMedian accuracy;      ///< from each predicted point to the nearest true one
  MeanAndMedian completeness;  ///< from each true point to the nearest predicted one
  MeanAndMedian normals;   ///< cosines of the normals of both kinds of pairs, their mean; or NaN
  double chamfer = 0;      ///< (accuracy + completeness) / 2 of the means: DTU's "overall"
  double clipped_sum = 0;  ///< the sum of both means, distances clipped: ScanNet's Chamfer
  std::vector<FScore> f_scores;  ///< in the order asked for
};

struct PointOptions {
  std::vector<double> f_distances;
  double clip = 0.5;
  bool normals = true;
};

/// predicted, truth  [N, 3] and [M, 3], aligned, finite, neither empty. Throws c10::Error.
PointScores score_points(const at::Tensor& predicted,
                         const at::Tensor& truth,
                         const PointOptions& options);

}  // namespace vggt::eval
