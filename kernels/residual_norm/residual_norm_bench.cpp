// SPDX-License-Identifier: Apache-2.0
// residual_norm() against the LibTorch calls that it replaces, in VGGT-1B's blocks at one, two and
// eight frames of 392 x 518 px. Memory sets the limit, so the rate is in GB/s of what must move.
#include "kernels/residual_norm/residual_norm.h"

#include <c10/core/InferenceMode.h>

#include "kernels/common/bench.h"

namespace vggt::kernels {
namespace {

constexpr int64_t kChannels = 1024;

void measure(bool updates, int64_t rows) {
  at::Tensor x = at::randn({rows, kChannels});
  const at::Tensor update = updates ? at::randn({rows, kChannels}) : at::Tensor();
  const at::Tensor gamma = at::randn({kChannels}) * 1e-3;
  const at::Tensor weight = at::randn({kChannels});
  const at::Tensor bias = at::randn({kChannels});
  const auto ours = [&] {
    return residual_norm(x, update, gamma, weight, bias, 1e-5, at::kBFloat16);
  };
  const auto plain = [&] {
    return residual_norm_reference(x, update, gamma, weight, bias, 1e-5, at::kBFloat16);
  };
  at::Tensor wide = x.to(at::kDouble);
  const at::Tensor truth = residual_norm_reference(
      wide, {}, gamma, weight.to(at::kDouble), bias.to(at::kDouble), 1e-5, at::kDouble);
  const at::Tensor none;
  const double our_error =
      relative_error(residual_norm(x, none, gamma, weight, bias, 1e-5, at::kBFloat16), truth);
  const double plain_error = relative_error(
      residual_norm_reference(x, none, gamma, weight, bias, 1e-5, at::kBFloat16), truth);
  const double bytes = static_cast<double>(rows * kChannels) * (updates ? 4 + 4 + 4 + 2 : 4 + 2);
  const std::string name =
      std::string(updates ? "update + norm" : "norm") + ", " + std::to_string(rows) + " rows";
  print_row(name.c_str(), bytes, time_pair(ours, plain), our_error, plain_error);
}

}  // namespace
}  // namespace vggt::kernels

int main() {
  const c10::InferenceMode inference;
  vggt::kernels::print_header("GB");
  for (const bool updates : {false, true}) {
    for (const int64_t frames : {1, 2, 8}) vggt::kernels::measure(updates, frames * 1041);
  }
}
