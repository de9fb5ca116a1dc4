// SPDX-License-Identifier: Apache-2.0
#include "src/accel/near_frames.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace vggt::accel {

kernels::MatchBlocks near_blocks(const TokenLayout& layout,
                                 const at::Tensor& x,
                                 const at::Tensor& sources,
                                 const at::Tensor& anchors0,
                                 const at::Tensor& anchors) {
  const int64_t later = layout.frames - 1;
  const int64_t others = std::clamp<int64_t>(later - 1, 0, 2);
  const auto longs = at::TensorOptions().dtype(at::kLong).device(x.device());
  at::Tensor mean = x.view({layout.frames, layout.tokens(), x.size(1)})
                        .slice(0, 1)
                        .slice(1, layout.special)
                        .mean(1, false, at::kFloat);
  mean = mean / mean.norm(2, -1, true).clamp_min(1e-12);
  at::Tensor similarity = mean.mm(mean.t());
  similarity.fill_diagonal_(-3);
  const at::Tensor nearest =
      std::get<1>(at::sort(similarity, /*stable=*/true, 1, /*descending=*/true))
          .slice(1, 0, others);
  const at::Tensor own = at::arange(later, longs).unsqueeze(1);
  const at::Tensor frames = std::get<0>(at::sort(at::cat({own, nearest}, 1), 1));  // ascending
  const at::Tensor of_frames =
      anchors.index_select(0, frames.flatten()).view({later, (others + 1) * anchors.size(1)});
  const at::Tensor all = at::cat({anchors0.unsqueeze(0).expand({later, -1}), of_frames}, 1);
  const auto offsets = [&](int64_t size) {
    return (at::arange(later + 1, longs) * size).to(at::kInt);
  };
  return {offsets(sources.size(1)),
          sources.flatten().to(at::kInt),
          offsets(all.size(1)),
          all.flatten().to(at::kInt).contiguous()};
}

}  // namespace vggt::accel
