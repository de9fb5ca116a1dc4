// SPDX-License-Identifier: Apache-2.0
#include "src/train/loss.h"

#include "src/train/masked_mean.h"

#include <ATen/ATen.h>

namespace vggt::train {
at::Tensor camera_loss(const std::vector<at::Tensor>& iterations,
                       const at::Tensor& truth,
                       const CameraLossOptions& options) {
  at::Tensor sum = at::zeros({}, truth.options());
  double weight = 1;
  for (auto iteration = iterations.rbegin(); iteration != iterations.rend(); ++iteration) {
    const at::Tensor error =
        at::huber_loss(*iteration, truth, at::Reduction::None, options.huber) / options.huber;
    sum = sum + weight * (options.translation * error.slice(2, 0, 3).mean() +
                          options.rotation * error.slice(2, 3, 7).mean() +
                          options.field_of_view * error.slice(2, 7, 9).mean());
    weight *= options.decay;
  }
  return sum;
}

DenseLoss dense_loss(const at::Tensor& prediction,
                     const at::Tensor& confidence,
                     const at::Tensor& truth,
                     const at::Tensor& distance,
                     const at::Tensor& valid,
                     double reward) {
  const auto length = [](const at::Tensor& vectors) {
    // The root's gradient at 0 is infinite.
    return vectors.size(-1) == 1 ? vectors.squeeze(-1).abs()
                                 : (vectors.square().sum(-1) + 1e-12).sqrt();
  };
  const at::Tensor scale = distance.clamp_min(1e-6).rsqrt();
  // A truth that is NaN would make the gradient NaN even where it does not count.
  const at::Tensor difference =
      prediction - at::where(valid.unsqueeze(-1), truth, at::zeros({}, truth.options()));
  const at::Tensor loss = confidence * length(difference) * scale - reward * confidence.log();
  const auto along = [&](int64_t axis) {
    const int64_t size = difference.size(axis);
    const auto first = [&](const at::Tensor& x) { return x.slice(axis, 0, size - 1); };
    const auto second = [&](const at::Tensor& x) { return x.slice(axis, 1, size); };
    return masked_mean(
        first(confidence) * length(second(difference) - first(difference)) * first(scale),
        first(valid) & second(valid));
  };
  return {masked_mean(loss, valid), along(2) + along(3)};
}

at::Tensor track_loss(const std::vector<at::Tensor>& iterations,
                      const at::Tensor& visibility,
                      const at::Tensor& truth,
                      const at::Tensor& visible,
                      const TrackLossOptions& options) {
  at::Tensor sum = at::zeros({}, truth.options());
  double weight = 1;
  for (auto iteration = iterations.rbegin(); iteration != iterations.rend(); ++iteration) {
    sum = sum + weight * masked_mean((*iteration - truth).abs().sum(-1), visible);
    weight *= options.decay;
  }
  // Written out: LibTorch refuses binary_cross_entropy() under autocast on a GPU.
  const at::Tensor p = visibility.to(at::kFloat).clamp(1e-6, 1 - 1e-6);
  return sum - at::where(visible, p, 1 - p).log().mean();
}

}  // namespace vggt::train
