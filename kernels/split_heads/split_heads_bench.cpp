// SPDX-License-Identifier: Apache-2.0
// split_heads() against the LibTorch calls that it replaces: a LayerNorm each for q and k, the
// rotations of rope2d_reference() and three roundings, in VGGT-1B's blocks at one, two and eight
// frames of 392 x 518 px. Memory sets the limit, so the rate is in GB/s of what must move.
#include "kernels/split_heads/split_heads.h"

#include <c10/core/InferenceMode.h>

#include "kernels/common/bench.h"
#include "kernels/common/path.h"

namespace vggt::kernels {
namespace {

constexpr int64_t kHeads = 16;
constexpr int64_t kHeadDim = 64;

void measure(int64_t frames) {
  const int64_t tokens = frames * 1041;
  const auto norm = [] { return HeadNorm{at::randn({kHeadDim}), at::randn({kHeadDim}), 1e-5}; };
  const HeadNorm q_norm = norm();
  const HeadNorm k_norm = norm();
  const RopeTables tables =
      rope2d_tables(at::randint(38, {1, tokens, 2}, at::kLong), kHeadDim, 100, at::kFloat);
  const at::Tensor packed = at::randn({1, tokens, 3 * kHeads * kHeadDim});
  const auto heads = [&](at::ScalarType dtype) {
    const auto part = [&] { return at::empty({1, tokens, kHeads, kHeadDim}, dtype); };
    return Heads{part(), part(), part()};
  };
  const Heads out = heads(at::kBFloat16);
  const auto ours = [&] { split_heads(packed, q_norm, k_norm, &tables, out); };
  const auto plain = [&] {
    const PathScope scope(Path::kPlain);
    split_heads_reference(packed, q_norm, k_norm, &tables, out);
  };
  const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
  const HeadNorm q_wide = {wide(q_norm.weight), wide(q_norm.bias), 1e-5};
  const HeadNorm k_wide = {wide(k_norm.weight), wide(k_norm.bias), 1e-5};
  const RopeTables tables_wide = {wide(tables.cos), wide(tables.sin)};
  const Heads truth = heads(at::kDouble);
  split_heads_reference(wide(packed), q_wide, k_wide, &tables_wide, truth);
  const Pair seconds = time_pair(ours, plain);
  plain();
  const double plain_error = relative_error(out.q, truth.q);
  ours();
  const double our_error = relative_error(out.q, truth.q);
  const double bytes = static_cast<double>(packed.numel()) * (4 + 2);
  print_row((std::to_string(tokens) + " tokens").c_str(), bytes, seconds, our_error, plain_error);
}

}  // namespace
}  // namespace vggt::kernels

int main() {
  const c10::InferenceMode inference;
  vggt::kernels::print_header("GB");
  for (const int64_t frames : {1, 2, 8}) vggt::kernels::measure(frames);
}
