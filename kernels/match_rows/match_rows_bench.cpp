// SPDX-License-Identifier: Apache-2.0
// match_rows() against LibTorch's products, tile by tile, in bfloat16 on the CPU: a window of HTTM
// at VGGT-1B's sizes (128 places x 30 frames of 16 heads), queries and keys, and of one map.
#include "kernels/match_rows/match_rows.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "kernels/common/bench.h"

namespace vggt::kernels {
namespace {

void measure(const char* name, int64_t maps, int64_t period, int64_t windows) {
  constexpr int64_t kWindow = 3840;
  constexpr int64_t kChannels = 1024;
  const at::Tensor x = at::randn({windows * kWindow, kChannels}).to(at::kBFloat16);
  std::vector<int32_t> sources;
  std::vector<int32_t> anchors;
  std::vector<int32_t> source_offsets = {0};
  std::vector<int32_t> anchor_offsets = {0};
  for (int32_t w = 0; w < windows; ++w) {
    for (int32_t r = 0; r < kWindow; ++r) {
      (r % period == 0 ? anchors : sources).push_back(w * static_cast<int32_t>(kWindow) + r);
    }
    source_offsets.push_back(static_cast<int32_t>(sources.size()));
    anchor_offsets.push_back(static_cast<int32_t>(anchors.size()));
  }
  const auto ints = [](const std::vector<int32_t>& list) { return at::tensor(list, at::kInt); };
  const MatchBlocks blocks = {
      ints(source_offsets), ints(sources), ints(anchor_offsets), ints(anchors)};
  const double flop = 2.0 * static_cast<double>(sources.size() * anchors.size()) /
                      static_cast<double>(windows) * kChannels;
  const Match truth = match_rows_reference(x, maps, blocks);
  const auto error = [&](const Match& match) { return relative_error(match.score, truth.score); };
  const auto ours = [&] { return match_rows(x, maps, blocks); };
  const auto plain = [&] { return match_rows_tiled(x, maps, blocks); };
  print_row(name, flop, time_pair(ours, plain), error(ours()), error(plain()));
}

}  // namespace
}  // namespace vggt::kernels

int main() {
  const c10::InferenceMode inference;
  vggt::kernels::print_header();
  vggt::kernels::measure("queries, 16 heads", 16, 10, 1);
  vggt::kernels::measure("keys, 16 heads", 16, 4, 1);
  vggt::kernels::measure("keys, one map", 1, 10, 2);
}
