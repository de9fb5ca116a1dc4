// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden.h"

#include <ATen/ATen.h>

#include <limits>

#include "src/weights/safetensors.h"

namespace vggt::testing {

std::map<std::string, at::Tensor> golden(const std::string& name) {
  auto tensors = read_safetensors("tests/golden/" + name + ".safetensors").tensors;
  const auto pixels = tensors.find("in.images@u8");
  if (pixels != tensors.end()) {
    tensors["in.images"] = pixels->second.to(at::kFloat) / 255.0f;
    tensors.erase(pixels);
  }
  return tensors;
}

std::string plain_name(const std::string& name) { return name.substr(0, name.find('@')); }

double relative_l2(const std::string& name, const at::Tensor& actual, const at::Tensor& expected) {
  at::Tensor got = actual.to(at::kCPU, at::kDouble);
  const size_t at = name.find('@');
  if (at != std::string::npos) {
    got = got.contiguous().flatten().slice(0, 0, got.numel(), std::stoll(name.substr(at + 1)));
  }
  if (got.sizes() != expected.sizes() || !at::isfinite(got).all().item<bool>()) {
    return std::numeric_limits<double>::infinity();
  }
  const at::Tensor truth = expected.to(at::kDouble);
  return (got - truth).norm().item<double>() / truth.norm().item<double>();
}

}  // namespace vggt::testing
