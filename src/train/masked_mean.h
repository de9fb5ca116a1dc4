// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

namespace vggt::train {

/// The mean of `values` where `valid`, 0 with a gradient of 0 where nothing is. What is not valid
/// may be NaN or infinite.
inline at::Tensor masked_mean(const at::Tensor& values, const at::Tensor& valid) {
  const at::Tensor kept = at::where(valid, values, at::zeros({}, values.options()));
  return kept.sum() / valid.sum().clamp_min(1);
}

}  // namespace vggt::train
