// SPDX-License-Identifier: Apache-2.0
#include "src/accel/released_map.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "src/accel/merge_steps.h"

namespace vggt::accel {

std::vector<int64_t> released_anchors(const TokenLayout& layout,
                                      const std::vector<std::vector<int64_t>>& picks) {
  const int64_t width = layout.grid_w / 2 * 2;  // what the release takes for the grid's
  const int64_t across = layout.grid_w / 2;
  std::vector<int64_t> rows;
  for (int64_t r = 0; r < layout.tokens(); ++r) rows.push_back(r);
  for (int64_t f = 1; f < layout.frames; ++f) {
    const int64_t first = f * layout.tokens();
    for (int64_t t = 0; t < layout.special; ++t) rows.push_back(first + t);
    const std::vector<int64_t>& of_frame = picks[static_cast<size_t>(f - 1)];
    for (int64_t cell = 0; cell < static_cast<int64_t>(of_frame.size()); ++cell) {
      const int64_t pick = of_frame[static_cast<size_t>(cell)];
      const int64_t y = cell / across * 2 + pick / 2;
      const int64_t x = cell % across * 2 + pick % 2;
      rows.push_back(first + layout.special + y * width + x);
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

ReleasedMap::ReleasedMap(const TokenLayout& layout,
                         const std::vector<int64_t>& anchors,
                         const std::vector<int64_t>& protect)
    : layout_(layout) {
  std::vector<int64_t> sources;
  for (int64_t r = 0; r < layout.rows; ++r) {
    if (!std::binary_search(anchors.begin(), anchors.end(), r) &&
        !std::binary_search(protect.begin(), protect.end(), r)) {
      sources.push_back(r);
    }
  }
  const at::Device device = layout.position.device();
  anchors_ = at::tensor(anchors, at::kLong).to(device);
  protect_ = at::tensor(protect, at::kLong).to(device);
  sources_ = at::tensor(sources, at::kLong).to(device);
}

MergePlan ReleasedMap::build(const at::Tensor& xn) const {
  const auto ints = [](const at::Tensor& x) { return x.to(at::kInt); };
  const auto ends = [&](const at::Tensor& rows) {
    return ints(at::arange(2, rows.options()) * rows.size(0));
  };
  const kernels::Match match =
      kernels::match_rows(xn, 1, {ends(sources_), ints(sources_), ends(anchors_), ints(anchors_)});
  const auto longs = sources_.options();
  const int64_t groups = anchors_.size(0);
  const int64_t slots = groups + protect_.size(0);
  // The slot of each row: later writes win, as in the release.
  at::Tensor slot_of = at::zeros({layout_.rows}, longs);
  slot_of.scatter_(0, anchors_, at::arange(groups, longs));
  const at::Tensor of_sources = slot_of.index_select(0, match.anchor[0].to(at::kLong));
  const at::Tensor member_slot =
      at::cat({at::arange(groups, longs), of_sources, at::arange(groups, slots, longs)});
  const at::Tensor member = at::cat({anchors_, sources_, protect_});
  const at::Tensor order = (member_slot * layout_.rows + member).argsort();
  slot_of.scatter_(0, sources_, of_sources);
  slot_of.scatter_(0, protect_, at::arange(groups, slots, longs));
  const at::Tensor sizes =
      at::zeros({slots}, longs).scatter_add_(0, member_slot, at::ones_like(member_slot));
  MergePlan plan;
  plan.q = plan.kv = map_from_members(layout_.rows,
                                      at::cat({at::zeros({1}, longs), sizes.cumsum(0)}),
                                      member.index_select(0, order),
                                      slot_of.unsqueeze(0));
  plan.q.anchor = plan.kv.anchor = at::cat({anchors_, protect_}).to(at::kInt);
  plan.layout = layout_hash(layout_);
  return plan;
}

Cost ReleasedMap::cost(int64_t channels) const {
  const int64_t slots = anchors_.size(0) + protect_.size(0);
  return {slots,
          slots,
          2.0 * static_cast<double>(sources_.size(0)) * static_cast<double>(anchors_.size(0)) *
              static_cast<double>(channels)};
}

}  // namespace vggt::accel
