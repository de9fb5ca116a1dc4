// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/transforms.h"

#include <ATen/ATen.h>

#include "src/base/mixed.h"

namespace vggt::calibrate {

at::Tensor transformed_weight(const at::Tensor& weight, const InputTransform& transform) {
  at::Tensor result = weight.to(at::kFloat);
  if (transform.signs.defined()) result = kernels::hadamard(result * transform.signs);
  if (transform.scale.defined()) result = result * transform.scale;
  return result;
}

kernels::QuantizedWeight coded(const at::Tensor& weight,
                               const accel::QuantScheme& scheme,
                               const InputTransform& transform,
                               const std::string& name) {
  kernels::QuantizedWeight codes =
      accel::quantize(transformed_weight(weight, transform), scheme, name);
  codes.input_signs = transform.signs;
  if (transform.scale.defined()) codes.input_scale = transform.scale.reciprocal();
  return codes;
}

at::Tensor smoothing_scale(const at::Tensor& largest, const at::Tensor& weight, double alpha) {
  constexpr double kSmallest = 1e-5;
  const at::Tensor of_weight = weight.to(at::kFloat).abs().amax(0).clamp_min(kSmallest);
  return (largest.clamp_min(kSmallest).pow(alpha) / of_weight.pow(1 - alpha)).clamp_min(kSmallest);
}

at::Tensor awq_scale(const at::Tensor& mean, double ratio) {
  const at::Tensor scale = mean.pow(ratio).clamp_min(1e-4);
  return scale / (scale.max() * scale.min()).sqrt();
}

at::Tensor random_signs(int64_t count, uint64_t seed) {
  at::Tensor signs = at::empty({count}, at::kChar);
  auto* sign = signs.mutable_data_ptr<int8_t>();
  for (int64_t i = 0; i < count; ++i) {
    sign[i] = (mixed(mixed(seed) + static_cast<uint64_t>(i)) >> 63) == 0 ? 1 : -1;
  }
  return signs;
}

}  // namespace vggt::calibrate
