// SPDX-License-Identifier: Apache-2.0
// write_metrics <file>: made-up cameras, depth and points with what our metrics say of them, as
// JSON: for tests/eval/python_metrics_test.py.
#include <ATen/ATen.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/eval/bootstrap.h"
#include "src/eval/depth_metrics.h"
#include "src/eval/draw.h"
#include "src/eval/point_metrics.h"
#include "src/eval/pose_metrics.h"
#include "src/eval/trajectory_metrics.h"
#include "tests/support/camera_path.h"

namespace {

using nlohmann::json;
using namespace vggt;
using namespace vggt::eval;

// Uniform in [-1, 1).
double noise(uint64_t stream, uint64_t i) {
  return static_cast<double>(random_bits(5, stream, i) >> 11) * 0x1p-52 - 1;
}

at::Tensor noise_tensor(uint64_t stream, int64_t rows, int64_t columns) {
  at::Tensor values = at::empty({rows, columns}, at::kDouble);
  double* value = values.mutable_data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) value[i] = noise(stream, static_cast<uint64_t>(i));
  return values;
}

json list_of(const at::Tensor& values) {
  const at::Tensor flat = values.to(at::kDouble).contiguous();
  const double* value = flat.const_data_ptr<double>();
  return std::vector<double>(value, value + flat.numel());
}

json matrices_of(const std::vector<Camera>& cameras) {
  json all = json::array();
  for (const Camera& camera : cameras) {
    json rows = json::array();
    for (int row = 0; row < 3; ++row) {
      const double* const r = &camera.rotation[3 * row];
      rows.push_back({r[0], r[1], r[2], camera.translation[row]});
    }
    all.push_back(rows);
  }
  return all;
}

json poses(const std::string& name, double spread, bool similarity) {
  const auto truth = vggt::testing::winding_path(14);
  auto predicted = truth;
  for (size_t i = 0; i < predicted.size(); ++i) {
    const uint64_t k = 10 * i;
    Rigid pose = inverse(cam_from_world(truth[i]));
    const Rigid turn{vggt::testing::rotation_about({noise(1, k), noise(1, k + 1), noise(1, k + 2)},
                                                   spread * noise(1, k + 3)),
                     {0, 0, 0}};
    pose.rotation = (pose * turn).rotation;
    for (int c = 0; c < 3; ++c) pose.translation[c] += spread * noise(2, k + c);
    predicted[i] = placed(predicted[i], inverse(pose));
  }
  if (similarity) {
    predicted = aligned_cameras(
        predicted, {0.31, vggt::testing::rotation_about({1, -3, 2}, 2.6), {10, -4, 2}});
  }
  const auto pairs = pair_errors(predicted, truth);
  std::vector<double> larger;
  json rotation = json::array();
  json translation = json::array();
  for (const PairError& pair : pairs) {
    rotation.push_back(pair.rotation_deg);
    translation.push_back(pair.translation_deg);
    larger.push_back(std::max(pair.rotation_deg, pair.translation_deg));
  }
  json auc_values;
  json exact_values;
  json trapezoid_values;
  for (const int64_t t : {3, 5, 10, 15, 20, 30}) {
    auc_values[std::to_string(t)] = auc(larger, t);
    exact_values[std::to_string(t)] = exact_auc(larger, static_cast<double>(t));
    trapezoid_values[std::to_string(t)] = trapezoid_auc(larger, static_cast<double>(t));
  }
  json result = {{"name", name},
                 {"truth", matrices_of(truth)},
                 {"predicted", matrices_of(predicted)},
                 {"rotation_deg", rotation},
                 {"translation_deg", translation},
                 {"auc", auc_values},
                 {"exact_auc", exact_values},
                 {"trapezoid_auc", trapezoid_values}};
  for (const bool scaled : {true, false}) {
    const auto scores = score_trajectory(
        predicted, truth, scaled ? TrajectoryAlignment::kSimilarity : TrajectoryAlignment::kRigid);
    result[scaled ? "trajectory" : "trajectory_rigid"] = {
        {"ate_rmse", scores.ate_rmse},
        {"ate_mean", scores.ate_mean},
        {"ate_median", scores.ate_median},
        {"ate_max", scores.ate_max},
        {"are_deg", scores.are_deg},
        {"rpe_translation", scores.rpe_translation},
        {"rpe_rotation_deg", scores.rpe_rotation_deg}};
  }
  const Rigid first_from_world = cam_from_world(truth[0]);
  auto relative = truth;
  for (Camera& camera : relative) {
    camera = placed(camera, cam_from_world(camera) * inverse(first_from_world));
  }
  const auto scores = score_trajectory(inverted_poses(predicted),
                                       inverted_poses(relative),
                                       TrajectoryAlignment::kSimilarityAndOrigin);
  result["trajectory_inverted"] = {{"ate_rmse", scores.ate_rmse},
                                   {"are_deg", scores.are_deg},
                                   {"rpe_translation", scores.rpe_translation},
                                   {"rpe_rotation_deg", scores.rpe_rotation_deg}};
  return result;
}

json depth() {
  const at::Tensor truth = 3 + 2 * noise_tensor(3, 500, 1).flatten();
  const at::Tensor predicted = 0.3 * truth + 0.4 + 0.15 * truth * noise_tensor(4, 500, 1).flatten();
  json result = {{"truth", list_of(truth)}, {"predicted", list_of(predicted)}};
  for (const auto& [name, alignment] : {std::pair("metric", DepthAlignment::kMetric),
                                        std::pair("median", DepthAlignment::kMedian),
                                        std::pair("scale", DepthAlignment::kScale),
                                        std::pair("scale_shift", DepthAlignment::kScaleShift),
                                        std::pair("lstsq", DepthAlignment::kLeastSquares)}) {
    const DepthScores scores = score_depth(predicted, truth, {.alignment = alignment});
    const DepthFit fit = fit_depth(predicted, truth, alignment);
    result["scores"][name] = {{"scale", fit.scale},
                              {"shift", fit.shift},
                              {"abs_rel", scores.abs_rel},
                              {"sq_rel", scores.sq_rel},
                              {"rmse", scores.rmse},
                              {"log_rmse", scores.log_rmse},
                              {"delta", scores.delta}};
  }
  return result;
}

json points() {
  const at::Tensor truth = noise_tensor(5, 1200, 3) * at::tensor({1.0, 0.8, 0.05}, at::kDouble);
  const at::Tensor predicted =
      (noise_tensor(6, 900, 3) * at::tensor({1.1, 0.7, 0.06}, at::kDouble) + 0.02);
  const PointScores scores =
      score_points(predicted, truth, {.f_distances = {0.02, 0.05, 0.1}, .clip = 0.06});
  json f = json::array();
  for (const FScore& score : scores.f_scores) {
    f.push_back({score.distance, score.precision, score.recall, score.f});
  }
  return {{"truth", list_of(truth)},
          {"predicted", list_of(predicted)},
          {"accuracy", {scores.accuracy.mean, scores.accuracy.median}},
          {"completeness", {scores.completeness.mean, scores.completeness.median}},
          {"normals", {scores.normals.mean, scores.normals.median}},
          {"chamfer", scores.chamfer},
          {"clipped_sum", scores.clipped_sum},
          {"clip", 0.06},
          {"f_scores", f},
          {"voxel", 0.1},
          {"voxel_means", list_of(voxel_means(truth, 0.1))},
          {"by_medians", list_of(match_by_medians(predicted, truth.slice(0, 0, 900)))}};
}

json draws() {
  NumpyDraw numpy(42);
  PythonDraw python(42);
  json result = {{"seed", 42}, {"most", 10}, {"n", {50, 87, 202, 1000, 11}}};
  for (const int64_t n : {50, 87, 202, 1000, 11}) {
    result["numpy"].push_back(numpy.choose(n, 10));
    result["python"].push_back(python.sample(n, 10));
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) return 2;
    const json all = {
        {"poses", {poses("near", 0.02, false), poses("far", 0.4, true), poses("lost", 3, true)}},
        {"depth", depth()},
        {"points", points()},
        {"draws", draws()}};
    std::ofstream file(argv[1]);
    file << all.dump() << '\n';
    file.close();
    return file ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
