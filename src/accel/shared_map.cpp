// SPDX-License-Identifier: Apache-2.0
#include "src/accel/shared_map.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "src/accel/near_frames.h"

namespace vggt::accel {
namespace {

// Rows where mask [G, L] holds, ascending: [G, count]. Where fewer hold, the first of them comes
// again, or `spare` if there is none: a second entry of an anchor never wins against the first.
at::Tensor chosen(const at::Tensor& rows,
                  const at::Tensor& mask,
                  int64_t count,
                  const at::Tensor& spare) {
  const at::Tensor order =
      std::get<1>(at::sort(mask.to(at::kByte), /*stable=*/true, 1, /*descending=*/true))
          .slice(1, 0, count);
  const at::Tensor row = rows.gather(1, order);
  const at::Tensor holds = mask.gather(1, order);
  const at::Tensor first = at::where(holds.slice(1, 0, 1), row.slice(1, 0, 1), spare);
  return at::where(holds, row, first);
}

}  // namespace

SharedMap::SharedMap(const TokenLayout& layout, const PatchRoles& roles, Reach reach, double bias)
    : layout_(layout), reach_(reach), bias_(bias) {
  const at::Tensor rows = patch_rows(layout);
  const int64_t patches = layout.patches();
  const at::Tensor source = ~roles.protect & ~roles.anchor;
  const at::Tensor none = at::zeros({1, 1}, rows.options());  // not asked for: the counts are exact
  anchors0_ =
      chosen(rows.slice(0, 0, 1), ~roles.protect.slice(0, 0, 1), patches - roles.protected0, none)
          .flatten();
  sources_ = chosen(rows.slice(0, 1), source.slice(0, 1), roles.sources, none);
  anchors_ = chosen(rows.slice(0, 1),
                    roles.anchor.slice(0, 1),
                    roles.anchors,
                    anchors0_.slice(0, 0, 1).unsqueeze(0));
}

MergePlan SharedMap::build(const at::Tensor& xn) const {
  kernels::MatchBlocks blocks;
  if (reach_ == Reach::kNear) {
    blocks = near_blocks(layout_, xn, sources_, anchors0_, anchors_);
  } else {
    const auto offsets = [&](int64_t count) {
      return (at::arange(2, sources_.options()) * count).to(at::kInt);
    };
    const at::Tensor anchors = at::cat({anchors0_, anchors_.flatten()}).to(at::kInt);
    blocks = {offsets(sources_.numel()),
              sources_.flatten().to(at::kInt).contiguous(),
              offsets(anchors.size(0)),
              anchors};
  }
  const int64_t slots = layout_.rows - sources_.numel();
  return plan_from_anchors(
      layout_,
      {anchors_from_match(layout_.rows, blocks, kernels::match_rows(xn, 1, blocks)),
       {slots, slots, true}},
      {},
      bias_);
}

Cost SharedMap::cost(int64_t channels) const {
  const int64_t later = layout_.frames - 1;
  const int64_t anchors =
      anchors0_.size(0) + (reach_ == Reach::kNear ? std::min<int64_t>(later, 3) : later) *
                              (anchors_.dim() == 2 ? anchors_.size(1) : 0);
  const int64_t slots = layout_.rows - sources_.numel();
  return {slots,
          slots,
          2.0 * static_cast<double>(sources_.numel()) * static_cast<double>(anchors) *
              static_cast<double>(channels)};
}

}  // namespace vggt::accel
