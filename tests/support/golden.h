// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

namespace vggt::testing {

/// The tensors of tests/golden/<name>.safetensors. Names that end in "@k" hold every k-th element
/// of the flattened tensor, "in.images@u8" becomes in.images = uint8 / 255 (see
/// tests/golden/make_model_golden.py).
std::map<std::string, at::Tensor> golden(const std::string& name);

/// |actual - expected| / |expected| in float64. `name` may end in "@k": actual is thinned likewise.
/// Infinity where a value of `actual` is not finite or the sizes differ.
double relative_l2(const std::string& name, const at::Tensor& actual, const at::Tensor& expected);

/// `name` without its "@k".
std::string plain_name(const std::string& name);

}  // namespace vggt::testing
