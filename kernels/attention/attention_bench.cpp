// SPDX-License-Identifier: Apache-2.0
// attention() against LibTorch's scaled_dot_product_attention in bfloat16 on the CPU, 16 heads of
// 64: the frame and the global blocks of VGGT-1B at 392 x 518 px.
#include "kernels/attention/attention.h"

#include <c10/core/InferenceMode.h>

#include "kernels/common/bench.h"

namespace vggt::kernels {
namespace {

void measure(int64_t batch, int64_t tokens) {
  constexpr int64_t kHeads = 16;
  constexpr int64_t kHeadDim = 64;
  const auto values = [&] { return at::randn({batch, tokens, kHeads, kHeadDim}, at::kBFloat16); };
  const at::Tensor q = values();
  const at::Tensor k = values();
  const at::Tensor v = values();
  const auto ours = [&] { return attention(q, k, v); };
  const auto plain = [&] {
    return at::scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
        .transpose(1, 2)
        .flatten(2);
  };
  const auto first_head = [](const at::Tensor& x) {
    return x.slice(0, 0, 1).slice(2, 0, 1).to(at::kDouble);
  };
  const at::Tensor truth = attention_reference(first_head(q), first_head(k), first_head(v));
  const auto error = [&](const at::Tensor& x) {
    return relative_error(x.slice(0, 0, 1).slice(2, 0, kHeadDim), truth);
  };
  const double n = static_cast<double>(tokens);
  const double flop = 4.0 * static_cast<double>(batch * kHeads * kHeadDim) * n * n;
  const std::string name = std::to_string(batch) + " x " + std::to_string(tokens);
  print_row(name.c_str(), flop, time_pair(ours, plain), error(ours()), error(plain()));
}

}  // namespace
}  // namespace vggt::kernels

int main() {
  const c10::InferenceMode inference;
  vggt::kernels::print_header();
  for (const int64_t frames : {1, 2, 8}) vggt::kernels::measure(frames, 1041);
  for (const int64_t frames : {2, 4, 8}) vggt::kernels::measure(1, frames * 1041);
}
