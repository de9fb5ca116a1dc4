// SPDX-License-Identifier: Apache-2.0
#include "src/eval/point_metrics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <unordered_map>

#include "src/eval/draw.h"
#include "src/eval/nearest_points.h"
#include "src/eval/pose_metrics.h"

namespace vggt::eval {
namespace {

double share_below(const at::Tensor& values, double limit) {
  return (values < limit).to(at::kDouble).mean().item<double>();
}

at::Tensor cosines(const at::Tensor& a, const at::Tensor& b, const at::Tensor& b_of_a) {
  return (a * b.index_select(0, b_of_a)).sum(1).abs();
}

}  // namespace

MeanAndMedian mean_and_median(const at::Tensor& values) {
  const at::Tensor all = values.contiguous();
  const double* value = all.const_data_ptr<double>();
  return {all.mean().item<double>(), median({value, value + all.numel()})};
}

at::Tensor estimate_normals(const at::Tensor& points, int64_t neighbours) {
  const at::Tensor all = points.to(at::kDouble).contiguous();
  const NearestPoints tree(all);
  constexpr int64_t kChunk = 1 << 16;  // bounds the memory that the neighbours take
  std::vector<at::Tensor> normals;
  for (int64_t first = 0; first < all.size(0); first += kChunk) {
    const at::Tensor chunk = all.slice(0, first, first + kChunk);
    const at::Tensor index = tree.find(chunk, neighbours).index;
    const at::Tensor near =
        all.index_select(0, index.flatten()).view({index.size(0), index.size(1), 3});
    const at::Tensor centred = near - near.mean(1, true);
    const auto [values, vectors] =
        at::linalg_eigh(at::matmul(centred.transpose(1, 2), centred), "L");
    normals.push_back(vectors.select(2, 0));  // values ascend
  }
  return at::cat(normals);
}

at::Tensor voxel_means(const at::Tensor& points, double voxel) {
  TORCH_CHECK(voxel > 0, "voxel_means: the voxel must be positive, got ", voxel);
  const at::Tensor all = points.to(at::kDouble).contiguous();
  if (all.size(0) == 0) return all;
  const at::Tensor origin = std::get<0>(all.min(0)) - voxel / 2;
  const at::Tensor cells = ((all - origin) / voxel).floor().to(at::kLong).contiguous();
  const int64_t* cell = cells.const_data_ptr<int64_t>();
  std::map<std::array<int64_t, 3>, int64_t> slots;
  at::Tensor slot_of = at::empty({all.size(0)}, at::kLong);
  int64_t* slot = slot_of.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < all.size(0); ++i) {
    const std::array<int64_t, 3> key = {cell[3 * i], cell[3 * i + 1], cell[3 * i + 2]};
    slot[i] = slots.try_emplace(key, static_cast<int64_t>(slots.size())).first->second;
  }
  const auto count = static_cast<int64_t>(slots.size());
  const at::Tensor sums = at::zeros({count, 3}, at::kDouble).index_add(0, slot_of, all);
  const at::Tensor counts = at::bincount(slot_of, {}, count).to(at::kDouble).unsqueeze(1);
  return sums / counts;
}

at::Tensor draw_points(const at::Tensor& points, int64_t most, uint64_t seed) {
  const int64_t count = points.size(0);
  if (most <= 0 || count <= most) return points;
  // Each point's number decides by itself, so that the draw is the same in any order of work.
  std::vector<std::pair<uint64_t, int64_t>> keys(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    keys[static_cast<size_t>(i)] = {random_bits(seed, 0, static_cast<uint64_t>(i)), i};
  }
  std::nth_element(keys.begin(), keys.begin() + most, keys.end());
  at::Tensor chosen = at::empty({most}, at::kLong);
  int64_t* index = chosen.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < most; ++i) index[i] = keys[static_cast<size_t>(i)].second;
  std::sort(index, index + most);
  return points.index_select(0, chosen);
}

at::Tensor spread_points(const at::Tensor& points, double apart, uint64_t seed) {
  TORCH_CHECK(apart > 0, "spread_points: the distance must be positive, got ", apart);
  const at::Tensor all = points.to(at::kDouble).contiguous();
  const double* point = all.const_data_ptr<double>();
  const auto count = static_cast<size_t>(all.size(0));
  std::vector<std::pair<uint64_t, size_t>> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = {random_bits(seed, 0, i), i};
  std::sort(order.begin(), order.end());
  // Kept points by their cube of side `apart`: what is too near is in the same one or beside it.
  // Cubes of one key are told apart by the distances.
  std::unordered_map<uint64_t, std::vector<size_t>> kept_in;
  const auto key_of = [](int64_t x, int64_t y, int64_t z) {
    constexpr uint64_t kMask = (1 << 21) - 1;
    return (static_cast<uint64_t>(x) & kMask) << 42 | (static_cast<uint64_t>(y) & kMask) << 21 |
           (static_cast<uint64_t>(z) & kMask);
  };
  std::vector<int64_t> kept;
  for (const auto& [drawn, i] : order) {
    const double* p = point + 3 * i;
    const auto cell = [&](size_t k) { return static_cast<int64_t>(std::floor(p[k] / apart)); };
    const int64_t x = cell(0);
    const int64_t y = cell(1);
    const int64_t z = cell(2);
    const auto is_near = [&](int64_t offset) {
      const auto found =
          kept_in.find(key_of(x + offset / 9 - 1, y + offset / 3 % 3 - 1, z + offset % 3 - 1));
      return found != kept_in.end() &&
             std::any_of(found->second.begin(), found->second.end(), [&](size_t other) {
               const double* q = point + 3 * other;
               return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) < apart;
             });
    };
    bool free = true;
    for (int64_t offset = 0; offset < 27 && free; ++offset) free = !is_near(offset);
    if (!free) continue;
    kept_in[key_of(x, y, z)].push_back(i);
    kept.push_back(static_cast<int64_t>(i));
  }
  std::sort(kept.begin(), kept.end());
  return all.index_select(0, at::tensor(kept, at::kLong));
}

at::Tensor match_by_medians(const at::Tensor& points, const at::Tensor& target) {
  struct Moved {
    at::Tensor points;
    double depth;
    double spread;
  };
  const auto moved = [](const at::Tensor& given) {
    at::Tensor p = given.to(at::kDouble);
    const double depth = mean_and_median(p.select(1, 2)).median;
    p = p - at::tensor({0.0, 0.0, depth}, at::kDouble);
    const at::Tensor centre = at::tensor({mean_and_median(p.select(1, 0)).median,
                                          mean_and_median(p.select(1, 1)).median,
                                          mean_and_median(p.select(1, 2)).median},
                                         at::kDouble);
    return Moved{p, depth, mean_and_median((p - centre).norm(2, 1)).median};
  };
  const Moved p = moved(points);
  const Moved g = moved(target);
  return p.points * (g.spread / std::clamp(p.spread, 1e-3, 1e3)) +
         at::tensor({0.0, 0.0, g.depth}, at::kDouble);
}

Similarity refine_by_icp(const at::Tensor& points,
                         const at::Tensor& target,
                         const IcpOptions& options) {
  const at::Tensor to = target.to(at::kDouble).contiguous();
  const NearestPoints tree(to);
  Similarity whole;
  double share = 0;
  double distance = 0;
  for (int64_t step = 0; step < options.most_steps; ++step) {
    const at::Tensor moved = whole.apply(points);
    const auto found = tree.find(moved);
    const at::Tensor distances = found.distance.select(1, 0);
    const at::Tensor near = (distances < options.farthest).nonzero().select(1, 0);
    if (near.size(0) < 3) break;
    const double new_share = static_cast<double>(near.size(0)) / static_cast<double>(moved.size(0));
    const double new_distance =
        std::sqrt(distances.index_select(0, near).square().mean().item<double>());
    if (step > 0 && std::abs(new_share - share) < options.tolerance &&
        std::abs(new_distance - distance) < options.tolerance) {
      break;
    }
    share = new_share;
    distance = new_distance;
    // From the points as given, so that rounding does not add up over the steps.
    whole = align_points(points.index_select(0, near),
                         to.index_select(0, found.index.select(1, 0).index_select(0, near)),
                         options.with_scale)
                .similarity;
  }
  return whole;
}

PointScores score_points(const at::Tensor& predicted,
                         const at::Tensor& truth,
                         const PointOptions& options) {
  const NearestPoints of_truth(truth);
  const NearestPoints of_predicted(predicted);
  const auto to_truth = of_truth.find(predicted);
  const auto to_predicted = of_predicted.find(truth);
  const at::Tensor accuracy = to_truth.distance.select(1, 0);
  const at::Tensor completeness = to_predicted.distance.select(1, 0);
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  PointScores scores{.normals = {kNaN, kNaN}};
  scores.predicted_points = predicted.size(0);
  scores.true_points = truth.size(0);
  scores.accuracy = mean_and_median(accuracy);
  scores.completeness = mean_and_median(completeness);
  scores.chamfer = (scores.accuracy.mean + scores.completeness.mean) / 2;
  scores.clipped_sum = accuracy.clamp_max(options.clip).mean().item<double>() +
                       completeness.clamp_max(options.clip).mean().item<double>();
  for (const double distance : options.f_distances) {
    const double precision = share_below(accuracy, distance);
    const double recall = share_below(completeness, distance);
    const double sum = precision + recall;
    scores.f_scores.push_back(
        {distance, precision, recall, sum > 0 ? 2 * precision * recall / sum : 0});
  }
  if (options.normals) {
    const at::Tensor n = estimate_normals(predicted);
    const at::Tensor m = estimate_normals(truth);
    const MeanAndMedian one = mean_and_median(cosines(n, m, to_truth.index.select(1, 0)));
    const MeanAndMedian two = mean_and_median(cosines(m, n, to_predicted.index.select(1, 0)));
    scores.normals = {(one.mean + two.mean) / 2, (one.median + two.median) / 2};
  }
  return scores;
}

}  // namespace vggt::eval
