// SPDX-License-Identifier: Apache-2.0
#include "src/eval/score.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "src/eval/ground_truth.h"
#include "src/geometry/rigid.h"
#include "src/pipeline/point_filter.h"

namespace vggt::eval {
namespace {

constexpr double kDistances[] = {0.01, 0.02, 0.05, 0.1};

void score_in_time(const std::vector<Camera>& predicted,
                   const Truth& truth,
                   Compat compat,
                   SequenceResult& result) {
  std::vector<size_t> order(truth.cameras.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return result.frames[a] < result.frames[b];
  });
  std::vector<Camera> p;
  std::vector<Camera> g;
  for (const size_t i : order) {
    p.push_back(predicted[i]);
    g.push_back(truth.cameras[i]);
  }
  TrajectoryAlignment alignment = TrajectoryAlignment::kSimilarity;
  if (compat == Compat::kFastVggt) {
    const Rigid old_from_new = inverse(cam_from_world(truth.cameras[0]));
    for (Camera& camera : g) camera = placed(camera, cam_from_world(camera) * old_from_new);
    p = inverted_poses(p);
    g = inverted_poses(g);
    alignment = TrajectoryAlignment::kSimilarityAndOrigin;
  }
  for (const Camera& camera : g) result.true_centres.push_back(camera.centre_in_world());
  // Cameras that only turn have a path of rounding errors.
  const bool moves = std::any_of(result.pairs.begin(),
                                 result.pairs.end(),
                                 [](const PairError& pair) { return !pair.degenerate; });
  if (g.size() < 3 || !moves) return;
  result.trajectory = score_trajectory(p, g, alignment);
  if (truth.units_per_metre > 0) {
    const auto stretches = score_stretches(
        aligned_cameras(p, result.trajectory->truth_from_predicted), g, truth.units_per_metre);
    if (stretches.stretches > 0) result.stretches = stretches;
  }
}

void score_depths(const Reconstruction& predicted, const Truth& truth, SequenceResult& result) {
  std::vector<at::Tensor> p;
  std::vector<at::Tensor> g;
  for (size_t i = 0; i < truth.depth.size(); ++i) {
    const at::Tensor& depth = truth.depth[i];
    p.push_back(depth_on_truth(predicted.depth[static_cast<int64_t>(i)],
                               predicted.views[i].map,
                               depth.size(0),
                               depth.size(1))
                    .flatten());
    g.push_back(depth.flatten());
  }
  const at::Tensor all_p = at::cat(p);
  const at::Tensor all_g = at::cat(g);
  for (const auto& [name, alignment] : {std::pair("median", DepthAlignment::kMedian),
                                        std::pair("scale", DepthAlignment::kScale),
                                        std::pair("scale_shift", DepthAlignment::kScaleShift)}) {
    const DepthScores scores = score_depth(all_p, all_g, {.alignment = alignment});
    if (scores.pixels > 0) result.depth.emplace_back(name, scores);
  }
}

// Data sets tell nominal sizes; a camera of another one than the file has is scaled to it.
Camera of_stored_size(Camera camera, const PixelMap& map) {
  if (camera.width_px > 0 && camera.height_px > 0) {
    const double x = static_cast<double>(map.stored_width_px) / camera.width_px;
    const double y = static_cast<double>(map.stored_height_px) / camera.height_px;
    camera.fx_px *= x;
    camera.cx_px *= x;
    camera.fy_px *= y;
    camera.cy_px *= y;
  }
  return camera;
}

at::Tensor in_cam(const at::Tensor& points, const Camera& camera) {
  return Similarity{1, camera.rotation, camera.translation}.apply(points);
}

// Of the pixels (x, y) those within 112 of the picture's middle, as CUT3R's script cuts them.
at::Tensor central(const at::Tensor& pixel, const PixelMap& map) {
  constexpr int64_t kHalf = 112;
  const at::Tensor middle = at::tensor({map.network_width_px / 2, map.network_height_px / 2});
  return ((pixel >= middle - kHalf) & (pixel < middle + kHalf)).all(1).nonzero().select(1, 0);
}

void score_clouds(const Reconstruction& predicted,
                  const Truth& truth,
                  const ScoreOptions& options,
                  SequenceResult& result) {
  const PointCloud cloud = make_points(predicted, {.drop_percent = 0});
  if (cloud.size() == 0) return;
  std::vector<at::Tensor> maps;
  for (size_t i = 0; i < truth.depth.size(); ++i) {
    const PixelMap& map = predicted.views[i].map;
    maps.push_back(points_on_network(truth.depth[i], of_stored_size(truth.cameras[i], map), map));
  }
  const at::Tensor of_pixels = at::stack(maps);
  const at::Tensor frame = cloud.frame.to(at::kLong);
  const at::Tensor pixel = cloud.pixel.to(at::kLong);
  const at::Tensor at_points = of_pixels.index({frame, pixel.select(1, 1), pixel.select(1, 0)});
  const at::Tensor known = at::isfinite(at_points.select(1, 0)).nonzero().select(1, 0);
  if (known.size(0) < 3) return;
  at::Tensor g = at_points.index_select(0, known);
  at::Tensor p = cloud.position.index_select(0, known);
  int64_t most_points = options.most_points;
  const bool like_cut3r =
      options.compat == Compat::kCut3r || options.compat == Compat::kCut3rAligned;
  if (like_cut3r) {
    const View& first = predicted.views[0];
    g = in_cam(g, truth.cameras[0]);
    p = match_by_medians(in_cam(p, first.map.stored_camera(first.camera)), g);
    const at::Tensor kept = central(pixel.index_select(0, known), first.map);
    if (kept.size(0) < 3) return;
    g = g.index_select(0, kept);
    p = p.index_select(0, kept);
    most_points = 999999;
  }
  if (options.compat != Compat::kCut3r) p = align_points(p, g, true).similarity.apply(p);
  constexpr uint64_t kSeed = 33;
  p = draw_points(p, most_points, kSeed);
  const at::Tensor target = draw_points(g, most_points, kSeed);
  if (truth.units_per_metre > 0) {
    result.point_unit = truth.units_per_metre;
    p = refine_by_icp(p, target, {.farthest = 0.1 * truth.units_per_metre}).apply(p);
  } else {
    result.point_unit = (g - g.mean(0)).square().sum(1).mean().sqrt().item<double>();
  }
  PointOptions point_options{.clip = 0.5 * result.point_unit};
  for (const double distance : kDistances) {
    point_options.f_distances.push_back(distance * result.point_unit);
  }
  result.points = score_points(p, target, point_options);
}

}  // namespace

void score(const Reconstruction& predicted,
           const Truth& truth,
           const ScoreOptions& options,
           SequenceResult& result) {
  TORCH_CHECK(predicted.views.size() == truth.cameras.size() &&
                  result.frames.size() == truth.cameras.size() &&
                  (truth.depth.empty() || truth.depth.size() == truth.cameras.size()),
              "score: the truth is of other photos");
  std::vector<Camera> cameras;
  for (const View& view : predicted.views) cameras.push_back(view.map.stored_camera(view.camera));
  result.pairs = pair_errors(cameras, truth.cameras, {.find_degenerate = options.find_degenerate});
  score_in_time(cameras, truth, options.compat, result);
  if (options.points && truth.scan) {
    result.scans = score_scan(predicted, truth.cameras, *truth.scan, options.most_points);
  }
  if (truth.depth.empty()) return;
  score_depths(predicted, truth, result);
  const bool known_lenses = std::all_of(truth.cameras.begin(),
                                        truth.cameras.end(),
                                        [](const Camera& camera) { return camera.fx_px > 0; });
  if (options.points && known_lenses) score_clouds(predicted, truth, options, result);
}

}  // namespace vggt::eval
