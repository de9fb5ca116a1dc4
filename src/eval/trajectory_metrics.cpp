// SPDX-License-Identifier: Apache-2.0
#include "src/eval/trajectory_metrics.h"

#include "src/eval/pose_metrics.h"
#include "src/geometry/rigid.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace vggt::eval {
namespace {

constexpr double kDegrees = 180 / std::numbers::pi;

double squared_length(const std::array<double, 3>& v) {
  return v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
}

double distance(const std::array<double, 3>& a, const std::array<double, 3>& b) {
  return std::sqrt(squared_length({a[0] - b[0], a[1] - b[1], a[2] - b[2]}));
}

// Of the motion from frame i to frame j: truth^-1 * prediction, both as cam_i_from_cam_j.
Rigid motion_error(std::span<const Camera> predicted,
                   std::span<const Camera> truth,
                   size_t i,
                   size_t j) {
  const Rigid p = cam_from_world(predicted[i]) * inverse(cam_from_world(predicted[j]));
  const Rigid q = cam_from_world(truth[i]) * inverse(cam_from_world(truth[j]));
  return inverse(q) * p;
}

Similarity operator*(const Rigid& c_from_b, const Similarity& b_from_a) {
  const Rigid both = c_from_b * Rigid{b_from_a.rotation, b_from_a.translation};
  return {b_from_a.scale, both.rotation, both.translation};
}

}  // namespace

at::Tensor centres_of(std::span<const Camera> cameras) {
  at::Tensor centres = at::empty({static_cast<int64_t>(cameras.size()), 3}, at::kDouble);
  double* value = centres.mutable_data_ptr<double>();
  for (const Camera& camera : cameras) {
    for (const double coordinate : camera.centre_in_world()) *value++ = coordinate;
  }
  return centres;
}

std::vector<Camera> aligned_cameras(std::span<const Camera> cameras,
                                    const Similarity& new_from_old) {
  std::vector<Camera> result;
  const Rigid turn{new_from_old.rotation, {0, 0, 0}};
  const at::Tensor centres = new_from_old.apply(centres_of(cameras)).contiguous();
  const double* centre = centres.const_data_ptr<double>();
  for (const Camera& camera : cameras) {
    Rigid world_from_cam = turn * inverse(cam_from_world(camera));
    for (double& coordinate : world_from_cam.translation) coordinate = *centre++;
    result.push_back(placed(camera, inverse(world_from_cam)));
  }
  return result;
}

std::vector<Camera> inverted_poses(std::span<const Camera> cameras) {
  std::vector<Camera> result;
  for (const Camera& camera : cameras) {
    result.push_back(placed(camera, inverse(cam_from_world(camera))));
  }
  return result;
}

TrajectoryScores score_trajectory(std::span<const Camera> predicted,
                                  std::span<const Camera> truth,
                                  TrajectoryAlignment alignment) {
  TORCH_CHECK(predicted.size() == truth.size() && truth.size() >= 3,
              "score_trajectory: needs the same frames, at least 3, got ",
              predicted.size(),
              " and ",
              truth.size());
  TrajectoryScores scores;
  const Alignment found = align_points(
      centres_of(predicted), centres_of(truth), alignment != TrajectoryAlignment::kRigid);
  scores.truth_from_predicted = found.similarity;
  scores.degenerate_alignment = found.degenerate;
  std::vector<Camera> aligned = aligned_cameras(predicted, found.similarity);
  if (alignment == TrajectoryAlignment::kSimilarityAndOrigin) {
    scores.truth_from_predicted =
        inverse(cam_from_world(truth[0])) * cam_from_world(aligned[0]) * found.similarity;
    aligned = aligned_cameras(predicted, scores.truth_from_predicted);
  }

  const auto n = static_cast<double>(truth.size());
  std::vector<double> distances;
  double squares = 0;
  double angle_squares = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    scores.aligned.push_back(aligned[i].centre_in_world());
    distances.push_back(distance(scores.aligned.back(), truth[i].centre_in_world()));
    scores.ate_mean += distances.back() / n;
    squares += distances.back() * distances.back();
    const double angle =
        rotation_angle((cam_from_world(aligned[i]) * inverse(cam_from_world(truth[i]))).rotation);
    angle_squares += angle * angle;
  }
  scores.ate_rmse = std::sqrt(squares / n);
  scores.ate_median = median(distances);
  scores.ate_max = *std::max_element(distances.begin(), distances.end());
  scores.are_deg = std::sqrt(angle_squares / n) * kDegrees;

  squares = 0;
  angle_squares = 0;
  for (size_t i = 0; i + 1 < truth.size(); ++i) {
    const Rigid error = motion_error(aligned, truth, i, i + 1);
    squares += squared_length(error.translation);
    const double angle = rotation_angle(error.rotation);
    angle_squares += angle * angle;
  }
  scores.rpe_translation = std::sqrt(squares / (n - 1));
  scores.rpe_rotation_deg = std::sqrt(angle_squares / (n - 1)) * kDegrees;
  return scores;
}

StretchScores score_stretches(std::span<const Camera> predicted,
                              std::span<const Camera> truth,
                              double units_per_metre) {
  TORCH_CHECK(predicted.size() == truth.size(), "score_stretches: needs the same frames");
  constexpr size_t kStep = 10;
  std::vector<double> travelled = {0};
  for (size_t i = 1; i < truth.size(); ++i) {
    travelled.push_back(travelled.back() +
                        distance(truth[i - 1].centre_in_world(), truth[i].centre_in_world()));
  }
  StretchScores scores;
  double translation = 0;
  double rotation = 0;
  for (size_t i = 0; i < truth.size(); i += kStep) {
    for (int hundred = 1; hundred <= 8; ++hundred) {
      const double metres = 100.0 * hundred;
      const auto end = std::lower_bound(
          travelled.begin(), travelled.end(), travelled[i] + metres * units_per_metre);
      if (end == travelled.end()) break;
      const Rigid error = motion_error(
          predicted, truth, i, static_cast<size_t>(std::distance(travelled.begin(), end)));
      translation += std::sqrt(squared_length(error.translation)) / (metres * units_per_metre);
      rotation += rotation_angle(error.rotation) / metres;
      ++scores.stretches;
    }
  }
  const double count = scores.stretches > 0 ? static_cast<double>(scores.stretches)
                                            : std::numeric_limits<double>::quiet_NaN();
  scores.translation_percent = 100 * translation / count;
  scores.rotation_deg_per_metre = rotation * kDegrees / count;
  return scores;
}

}  // namespace vggt::eval
