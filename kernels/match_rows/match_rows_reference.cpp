// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "kernels/match_rows/match_rows.h"

namespace vggt::kernels {

Match match_rows_reference(const at::Tensor& x, int64_t maps, const MatchBlocks& blocks) {
  const at::Tensor wide = x.to(at::kDouble).unflatten(1, {maps, x.size(1) / maps}).transpose(0, 1);
  const at::Tensor rows = wide / wide.square().sum(-1, true).clamp_min(1e-24).sqrt();  // [M, R, W]
  const at::Tensor source_offsets = blocks.source_offsets.cpu();
  const at::Tensor anchor_offsets = blocks.anchor_offsets.cpu();
  const int64_t count = blocks.sources.size(0);
  Match match;
  match.anchor = blocks.sources.unsqueeze(0).repeat({maps, 1});
  match.score = at::full({maps, count}, -2, x.options().dtype(at::kFloat));
  for (int64_t b = 0; b + 1 < source_offsets.size(0); ++b) {
    const auto range = [b](const at::Tensor& offsets, const at::Tensor& list) {
      return list.slice(0, offsets[b].item<int64_t>(), offsets[b + 1].item<int64_t>());
    };
    const at::Tensor sources = range(source_offsets, blocks.sources).to(at::kLong);
    const at::Tensor anchors = range(anchor_offsets, blocks.anchors).to(at::kLong);
    if (sources.numel() == 0 || anchors.numel() == 0) continue;
    at::Tensor scores =
        rows.index_select(1, sources).matmul(rows.index_select(1, anchors).transpose(1, 2));
    scores = at::where(scores.isnan(), at::full({}, -2, scores.options()), scores);
    const auto [best, index] = scores.max(2);
    const int64_t begin = source_offsets[b].item<int64_t>();
    const at::Tensor found = best > -1.5;
    match.anchor.slice(1, begin, begin + sources.size(0))
        .copy_(at::where(found,
                         anchors.index_select(0, index.flatten()).view_as(index).to(at::kInt),
                         anchors[0].to(at::kInt)));
    match.score.slice(1, begin, begin + sources.size(0)).copy_(best);
  }
  return match;
}

}  // namespace vggt::kernels
