// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/task_loss.h"

#include <ATen/ATen.h>

#include "kernels/unproject/unproject.h"
#include "src/base/error.h"
#include "src/geometry/pose_encoding.h"
#include "src/geometry/rotation.h"

namespace vggt::calibrate {
namespace {

// Weighted by confidence, whose mean is taken out: the scale of what is weighted stays.
double weighted(const at::Tensor& error, const at::Tensor& confidence) {
  return ((error * confidence).sum() / confidence.sum()).item<double>();
}

// Of S frames: cam_from_world rotations [S, 3, 3] and translations [S, 3], double.
std::pair<at::Tensor, at::Tensor> cameras(const at::Tensor& encoding) {
  const at::Tensor wide = encoding.to(at::kCPU, at::kDouble);
  return {matrix_from_quaternion(wide.slice(1, 3, 7)), wide.slice(1, 0, 3)};
}

at::Tensor angle_of_cosine(const at::Tensor& cosine) { return cosine.clamp(-1, 1).acos(); }

}  // namespace

std::vector<Lesson> make_lessons(const Vggt& model, const std::vector<at::Tensor>& scenes) {
  std::vector<Lesson> lessons;
  for (size_t i = 0; i < scenes.size(); ++i) {
    lessons.push_back({scenes[i], model.forward(scenes[i])});
    const Predictions& target = lessons.back().target;
    const at::Tensor& probe =
        target.pose_encodings.empty() ? target.depth : target.pose_encodings.back();
    if (probe.defined() && !probe.isfinite().all().item<bool>()) {
      throw ConfigError("images",
                        "the model's answer to calibration scene " + std::to_string(i) +
                            " holds NaN or infinity");
    }
  }
  return lessons;
}

double task_loss(const Vggt& model, const Lesson& lesson) {
  const Predictions now = model.forward(lesson.images);
  const Predictions& target = lesson.target;
  double loss = 0;
  if (!target.pose_encodings.empty()) {
    loss += at::huber_loss(now.pose_encodings.back(), target.pose_encodings.back()).item<double>();
  }
  if (target.depth.defined()) {
    const at::Tensor error = (now.depth - target.depth).abs().squeeze(4);
    loss += weighted(error / target.depth.abs().mean(), target.depth_confidence);
  }
  if (target.world_points.defined()) {
    const at::Tensor error = (now.world_points - target.world_points).norm(2, {4});
    const at::Tensor size = target.world_points.norm(2, {4}).mean();
    loss += weighted(error / size, target.world_points_confidence);
    if (target.depth.defined() && !target.pose_encodings.empty()) {
      const CameraMatrices camera =
          decode_pose(now.pose_encodings.back().select(0, 0), now.depth.size(2), now.depth.size(3));
      const at::Tensor points = kernels::unproject(
          now.depth.select(0, 0).squeeze(3), camera.extrinsics, camera.intrinsics, at::kFloat);
      const at::Tensor apart = (now.world_points.select(0, 0) - points).norm(2, {3});
      loss += (apart.mean() / size).item<double>();
    }
  }
  return loss;
}

at::Tensor pose_angles(const at::Tensor& a, const at::Tensor& b) {
  const auto [rotation_a, translation_a] = cameras(a);
  const auto [rotation_b, translation_b] = cameras(b);
  std::vector<at::Tensor> angles;
  const auto relative =
      [](const at::Tensor& rotations, const at::Tensor& translations, int64_t i, int64_t j) {
        const at::Tensor rotation = at::mm(rotations[i], rotations[j].t());
        return std::pair(rotation, translations[i] - at::mv(rotation, translations[j]));
      };
  for (int64_t i = 0; i < a.size(0); ++i) {
    for (int64_t j = i + 1; j < a.size(0); ++j) {
      const auto [r_a, t_a] = relative(rotation_a, translation_a, i, j);
      const auto [r_b, t_b] = relative(rotation_b, translation_b, i, j);
      const at::Tensor turned = angle_of_cosine((at::mm(r_a, r_b.t()).trace() - 1) / 2);
      const at::Tensor lengths = (t_a.norm() * t_b.norm()).clamp_min(1e-12);
      const at::Tensor bent = angle_of_cosine(at::dot(t_a, t_b) / lengths);
      angles.push_back(at::maximum(turned, bent));
    }
  }
  return angles.empty() ? at::zeros({0}, at::kDouble) : at::stack(angles);
}

OutputChange output_change(const Vggt& model, const Lesson& lesson) {
  const Predictions now = model.forward(lesson.images);
  OutputChange change;
  if (!lesson.target.pose_encodings.empty()) {
    const at::Tensor angles = pose_angles(now.pose_encodings.back().select(0, 0),
                                          lesson.target.pose_encodings.back().select(0, 0));
    if (angles.numel() > 0) change.pose_rad = angles.mean().item<double>();
  }
  if (lesson.target.depth.defined()) {
    change.depth =
        ((now.depth - lesson.target.depth).abs() / lesson.target.depth.abs().clamp_min(1e-6))
            .mean()
            .item<double>();
  }
  return change;
}

}  // namespace vggt::calibrate
