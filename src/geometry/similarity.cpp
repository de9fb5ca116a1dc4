// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/similarity.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace vggt {

at::Tensor Similarity::apply(const at::Tensor& points) const {
  const at::Tensor matrix = at::tensor(rotation, at::kDouble).view({3, 3});
  return scale * at::matmul(points.to(at::kDouble), matrix.t()) +
         at::tensor(translation, at::kDouble);
}

Alignment align_points(const at::Tensor& from, const at::Tensor& to, bool with_scale) {
  TORCH_CHECK(from.dim() == 2 && from.size(1) == 3 && from.sizes() == to.sizes(),
              "align_points: both must be [N, 3], got ",
              from.sizes(),
              " and ",
              to.sizes());
  const int64_t n = from.size(0);
  TORCH_CHECK(n >= 3, "align_points: needs 3 points, got ", n);
  constexpr double kNoVariance = 1e-12;
  constexpr double kNoSecondAxis = 1e-9;

  const at::Tensor x = from.to(at::kDouble);
  const at::Tensor y = to.to(at::kDouble);
  const at::Tensor mean_x = x.mean(0);
  const at::Tensor mean_y = y.mean(0);
  const at::Tensor centred_x = x - mean_x;
  const double variance = centred_x.square().sum().item<double>() / static_cast<double>(n);
  const at::Tensor covariance = at::matmul((y - mean_y).t(), centred_x) / static_cast<double>(n);
  const auto [u, d, vh] = at::linalg_svd(covariance);
  const double determinant = at::det(u).item<double>() * at::det(vh).item<double>();
  const at::Tensor sign = at::tensor({1.0, 1.0, determinant < 0 ? -1.0 : 1.0}, at::kDouble);
  const at::Tensor rotation = at::matmul(u * sign, vh).contiguous();

  Alignment result;
  Similarity& similarity = result.similarity;
  similarity.scale =
      with_scale && variance >= kNoVariance ? (d * sign).sum().item<double>() / variance : 1;
  const at::Tensor translation =
      (mean_y - similarity.scale * at::mv(rotation, mean_x)).contiguous();
  std::copy_n(rotation.const_data_ptr<double>(), 9, similarity.rotation.begin());
  std::copy_n(translation.const_data_ptr<double>(), 3, similarity.translation.begin());
  const at::Tensor axes = d.contiguous();
  const double* axis = axes.const_data_ptr<double>();
  result.degenerate = !(axis[0] > 0) || axis[1] < kNoSecondAxis * axis[0];
  return result;
}

}  // namespace vggt
