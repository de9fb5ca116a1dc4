// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "kernels/token_merge/token_merge.h"

namespace vggt::kernels {

at::Tensor token_merge_reference(const at::Tensor& x, const TokenGroups& groups) {
  const int64_t maps = groups.map_offsets.size(0) - 1;
  const int64_t slots = groups.member_offsets.size(0) - 1;
  const int64_t width = x.size(1) / maps;
  const at::ScalarType wide = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto longs = groups.members.options().dtype(at::kLong);
  const at::Tensor sizes = groups.member_offsets.diff().to(at::kLong);
  const at::Tensor slot = at::repeat_interleave(at::arange(slots, longs), sizes, 0);  // [nnz]
  // The map of a slot: how many maps end at or before it.
  const at::Tensor map = at::searchsorted(groups.map_offsets.slice(0, 1).contiguous(),
                                          slot.to(at::kInt),
                                          /*out_int32=*/false,
                                          /*right=*/true)
                             .clamp_max(maps - 1);
  const at::Tensor entry = groups.members.to(at::kLong) * maps + map;
  at::Tensor rows = x.reshape({x.size(0) * maps, width}).index_select(0, entry).to(wide);
  const at::Tensor share = groups.weight.defined()
                               ? groups.weight.to(wide)
                               : sizes.index_select(0, slot).to(wide).reciprocal();
  return at::zeros({slots, width}, rows.options())
      .index_add(0, slot, rows * share.unsqueeze(1))
      .to(x.scalar_type());
}

at::Tensor token_unmerge_reference(const at::Tensor& y, const at::Tensor& slot_of) {
  const at::Tensor slot = slot_of.t().reshape({-1}).to(at::kLong);  // row after row, map after map
  const at::Tensor read = at::where(
      (slot >= 0).unsqueeze(1), y.index_select(0, slot.clamp_min(0)), at::zeros({}, y.options()));
  return read.reshape({slot_of.size(1), slot_of.size(0) * y.size(1)});
}

}  // namespace vggt::kernels
