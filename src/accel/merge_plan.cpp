// SPDX-License-Identifier: Apache-2.0
#include "src/accel/merge_plan.h"

#include <ATen/ATen.h>

#include <limits>

#include "kernels/token_merge/token_merge.h"
#include "src/base/mixed.h"

namespace vggt::accel {
namespace {

at::Tensor with_zero_first(const at::Tensor& sums) {
  return at::cat({at::zeros({1}, sums.options()), sums}).to(at::kInt);
}

// counts [n] -> int32 [n + 1].
at::Tensor offsets_of(const at::Tensor& counts) {
  return with_zero_first(counts.to(at::kLong).cumsum(0));
}

// The rows of each slot, by a stable sort of all entries: ascending within a slot.
void fill_members(TokenMap& map) {
  const at::Tensor flat = map.slot_of.flatten();
  const at::Tensor order = std::get<1>(at::sort(flat, /*stable=*/true, 0, false));
  map.members = order.remainder(std::max<int64_t>(map.rows, 1)).to(at::kInt);
  const auto counts = flat.options().dtype(at::kLong);
  map.member_offsets =
      offsets_of(at::zeros({map.slots}, counts)
                     .scatter_add_(0, flat.to(at::kLong), at::ones_like(flat, counts)));
}

at::Tensor group_sizes(const TokenMap& map) { return map.member_offsets.diff(); }

// Sums of whole numbers, which float32 holds exactly in any order.
at::Tensor masses(const TokenMap& map, const at::Tensor& row_mass) {
  if (!row_mass.defined()) return group_sizes(map).to(at::kFloat);
  return at::zeros({map.slots}, row_mass.options())
      .index_add_(0, map.slot_of.flatten().to(at::kLong), row_mass.repeat({map.maps}));
}

kernels::TokenGroups groups_of(const TokenMap& map) {
  return {map.map_offsets, map.member_offsets, map.members, map.weight};
}

}  // namespace

TokenLayout regular_layout(
    int64_t frames, int64_t grid_h, int64_t grid_w, int64_t special, at::Device device) {
  TokenLayout layout;
  layout.frames = frames;
  layout.grid_h = grid_h;
  layout.grid_w = grid_w;
  layout.special = special;
  layout.rows = frames * layout.tokens();
  for (int64_t i = 0; i < frames; ++i) layout.frame_id.push_back(i);
  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  const at::Tensor row = at::arange(1, grid_h + 1, options).repeat_interleave(grid_w);
  const at::Tensor column = at::arange(1, grid_w + 1, options).repeat({grid_h});
  layout.position =
      at::cat({at::zeros({special, 2}, options), at::stack({row, column}, 1)}).repeat({frames, 1});
  return layout;
}

uint64_t layout_hash(const TokenLayout& layout) {
  uint64_t hash = 0;
  for (const int64_t value :
       {layout.frames, layout.grid_h, layout.grid_w, layout.special, layout.rows}) {
    hash = mixed(hash ^ static_cast<uint64_t>(value));
  }
  return hash;
}

TokenMap identity_map(int64_t rows, int64_t maps, at::Device device) {
  const auto options = at::TensorOptions().dtype(at::kInt).device(device);
  TokenMap map;
  map.rows = rows;
  map.maps = maps;
  map.slots = rows * maps;
  map.max_per_map = rows;
  map.slot_of = at::arange(rows * maps, options).view({maps, rows});
  map.map_offsets = at::arange(maps + 1, options) * rows;
  map.member_offsets = at::arange(rows * maps + 1, options);
  map.members = at::arange(rows, options).repeat({maps});
  map.anchor = map.members;
  map.mass = at::ones({rows * maps}, options.dtype(at::kFloat));
  return map;
}

TokenMap map_from_anchors(const at::Tensor& anchor_of,
                          SlotCount count,
                          const at::Tensor& row_mass) {
  TORCH_CHECK(anchor_of.dim() == 2 && anchor_of.scalar_type() == at::kInt,
              "map_from_anchors: anchor_of must be [M, R] int32, got ",
              anchor_of.sizes(),
              " ",
              anchor_of.scalar_type());
  TORCH_CHECK(anchor_of.numel() <= std::numeric_limits<int32_t>::max(),
              "map_from_anchors: ",
              anchor_of.numel(),
              " rows in all maps are more than int32 numbers; take fewer frames at a time");
  TokenMap map;
  map.maps = anchor_of.size(0);
  map.rows = anchor_of.size(1);
  const auto longs = anchor_of.options().dtype(at::kLong);
  const at::Tensor rows = at::arange(map.rows, anchor_of.options());
  const at::Tensor is_anchor = anchor_of == rows;  // [M, R]
  const at::Tensor per_map = is_anchor.sum(1);
  map.map_offsets = offsets_of(per_map);
  if (count.total < 0) {
    count = {map.map_offsets[map.maps].item<int64_t>(),
             map.maps > 0 && map.rows > 0 ? per_map.max().item<int64_t>() : 0,
             true};
  }
  map.slots = count.total;
  map.max_per_map = count.max_per_map >= 0 ? count.max_per_map : std::min(map.rows, count.total);
  map.exact = count.exact;
  if (anchor_of.is_cpu()) {
    const auto counted = map.map_offsets[map.maps].item<int64_t>();
    TORCH_CHECK(count.exact ? counted == count.total : counted <= count.total,
                "map_from_anchors: ",
                counted,
                " anchors where ",
                count.total,
                " slots were announced");
  }
  // The number of each anchor among all anchors, in order; then every row takes its anchor's.
  const at::Tensor number = is_anchor.flatten().cumsum(0) - 1;
  const at::Tensor first = at::arange(map.maps, longs).unsqueeze(1) * map.rows;
  map.slot_of = number.index_select(0, (anchor_of.to(at::kLong) + first).flatten())
                    .view_as(anchor_of)
                    .to(at::kInt);
  fill_members(map);
  // Rows that are no anchors write to a place behind the slots.
  const at::Tensor place = at::where(is_anchor.flatten(), number, at::full({}, map.slots, longs));
  map.anchor = at::full({map.slots + 1}, -1, anchor_of.options())
                   .scatter_(0, place, rows.repeat({map.maps}))
                   .slice(0, 0, map.slots);
  map.mass = masses(map, row_mass);
  return map;
}

TokenMap map_from_members(int64_t rows,
                          const at::Tensor& member_offsets,
                          const at::Tensor& members,
                          const at::Tensor& slot_of) {
  TORCH_CHECK(slot_of.dim() == 2 && slot_of.size(0) == 1 && slot_of.size(1) == rows,
              "map_from_members: slot_of must be [1, ",
              rows,
              "], got ",
              slot_of.sizes());
  TokenMap map;
  map.rows = rows;
  map.slots = member_offsets.size(0) - 1;
  map.max_per_map = map.slots;
  map.partition = false;
  map.slot_of = slot_of.to(at::kInt);
  map.member_offsets = member_offsets.to(at::kInt);
  map.members = members.to(at::kInt);
  map.map_offsets = at::tensor({int64_t{0}, map.slots}, map.slot_of.options());
  const at::Tensor first =
      map.member_offsets.slice(0, 0, map.slots).to(at::kLong).clamp_max(map.members.size(0) - 1);
  map.anchor = map.members.index_select(0, first);
  map.mass = group_sizes(map).to(at::kFloat);
  return map;
}

at::Tensor merge(const TokenMap& map, const at::Tensor& x) {
  TORCH_CHECK(x.dim() == 2 && x.size(0) == map.rows && x.size(1) % map.maps == 0,
              "merge: x must be [",
              map.rows,
              ", a multiple of ",
              map.maps,
              "], got ",
              x.sizes());
  if (map.maps == 1 && map.is_identity()) return x;
  return kernels::token_merge(x, groups_of(map));
}

at::Tensor unmerge(const TokenMap& map, const at::Tensor& y) {
  TORCH_CHECK(y.dim() == 2 && y.size(0) == map.slots,
              "unmerge: y must be [",
              map.slots,
              ", C / maps], got ",
              y.sizes());
  if (map.maps == 1 && map.is_identity()) return y;
  return kernels::token_unmerge(y, map.slot_of);
}

at::Tensor log_mass_bias(const TokenMap& map, double beta) {
  // The logarithm of no mass is -inf, for every beta.
  return at::where(map.mass > 0, map.mass.log() * beta, map.mass.log());
}

TokenMap compose(const TokenMap& first, const TokenMap& second) {
  TORCH_CHECK(first.maps == 1 && second.rows == first.slots && first.partition && second.partition,
              "compose: the first map must have one column group and as many slots as the second "
              "has rows, and both be partitions");
  const at::Tensor middle = first.slot_of[0].to(at::kLong);  // [R]
  // The second map's anchors are rows of the middle; each is named by an original row.
  const at::Tensor slot = second.slot_of.index_select(1, middle).to(at::kLong);  // [M, R]
  const at::Tensor anchor = first.anchor.index_select(0, second.anchor.clamp_min(0).to(at::kLong));
  TokenMap map = map_from_anchors(anchor.index_select(0, slot.flatten()).view_as(slot),
                                  {second.slots, second.max_per_map, second.exact});
  map.mass = masses(map, {});
  return map;
}

TokenMap restrict_rows(const TokenMap& map, int64_t begin, int64_t end) {
  TORCH_CHECK(0 <= begin && begin <= end && end <= map.rows && map.partition,
              "restrict_rows: a part of a partition's ",
              map.rows,
              " rows, not [",
              begin,
              ", ",
              end,
              ")");
  const int64_t count = end - begin;
  const at::Tensor slot = map.slot_of.slice(1, begin, end).to(at::kLong);  // [M, count]
  const auto longs = slot.options();
  const at::Tensor row = at::arange(count, longs).expand_as(slot);
  // The lowest remaining row of each slot, and the anchor where it remains.
  const at::Tensor lowest =
      at::full({map.slots}, count, longs)
          .scatter_reduce_(0, slot.flatten(), row.flatten(), "amin", /*include_self=*/true);
  const at::Tensor anchor = map.anchor.to(at::kLong);
  const at::Tensor name = at::where((anchor >= begin) & (anchor < end), anchor - begin, lowest);
  return map_from_anchors(name.index_select(0, slot.flatten()).view_as(slot).to(at::kInt),
                          SlotCount{});
}

void validate(const TokenMap& map) {
  const at::Tensor offsets = map.member_offsets.to(at::kCPU, at::kLong);
  const at::Tensor members = map.members.to(at::kCPU, at::kLong);
  const at::Tensor maps = map.map_offsets.to(at::kCPU, at::kLong);
  const at::Tensor slot_of = map.slot_of.to(at::kCPU, at::kLong);
  const at::Tensor anchor = map.anchor.to(at::kCPU, at::kLong);
  const at::Tensor mass = map.mass.to(at::kCPU);
  TORCH_CHECK(
      offsets.size(0) == map.slots + 1 && anchor.size(0) == map.slots && mass.size(0) == map.slots,
      "a map's lists must be as long as it has slots");
  TORCH_CHECK(maps.size(0) == map.maps + 1 && maps[0].item<int64_t>() == 0,
              "map_offsets must begin with 0 and be as long as there are maps");
  const auto used = maps[map.maps].item<int64_t>();
  TORCH_CHECK(map.exact ? used == map.slots : used <= map.slots,
              "a map that is exact must use all of its slots");
  TORCH_CHECK((offsets.diff() >= 0).all().item<bool>() && offsets[0].item<int64_t>() == 0 &&
                  offsets[map.slots].item<int64_t>() == members.size(0),
              "member_offsets must ascend from 0 to the number of members");
  TORCH_CHECK(slot_of.numel() == 0 || (slot_of.min().item<int64_t>() >= (map.partition ? 0 : -1) &&
                                       slot_of.max().item<int64_t>() < map.slots),
              "slot_of must name slots");
  if (!map.partition) return;
  TORCH_CHECK(members.size(0) == map.maps * map.rows,
              "every row must be a member of one slot of each map");
  const auto* begin = offsets.const_data_ptr<int64_t>();
  const auto* row = members.const_data_ptr<int64_t>();
  const auto* first_slot = maps.const_data_ptr<int64_t>();
  const auto* name = anchor.const_data_ptr<int64_t>();
  const auto* slot = slot_of.const_data_ptr<int64_t>();
  for (int64_t m = 0; m < map.maps; ++m) {
    int64_t last_name = -1;
    for (int64_t t = first_slot[m]; t < first_slot[m + 1]; ++t) {
      TORCH_CHECK(begin[t] < begin[t + 1], "slot ", t, " has no member");
      bool named = false;
      for (int64_t i = begin[t]; i < begin[t + 1]; ++i) {
        TORCH_CHECK(i == begin[t] || row[i - 1] < row[i], "members of slot ", t, " must ascend");
        TORCH_CHECK(slot[m * map.rows + row[i]] == t, "slot_of disagrees with slot ", t);
        named = named || row[i] == name[t];
      }
      TORCH_CHECK(named, "the anchor of slot ", t, " is none of its members");
      TORCH_CHECK(name[t] > last_name, "anchors must ascend within a map, slot ", t, " does not");
      last_name = name[t];
    }
  }
}

void validate(const MergePlan& plan, const TokenLayout& layout) {
  validate(plan.q);
  validate(plan.kv);
  TORCH_CHECK(plan.q.maps == plan.kv.maps, "q and kv must have equal numbers of maps");
  TORCH_CHECK(plan.q.rows == layout.rows && plan.kv.rows == layout.rows &&
                  plan.layout == layout_hash(layout),
              "the plan is of another layout");
  TORCH_CHECK(!plan.key_bias.defined() || plan.key_bias.size(0) == plan.kv.slots,
              "key_bias must have an entry per slot of keys");
  TORCH_CHECK(plan.split || plan.q.slot_of.is_same(plan.kv.slot_of),
              "a plan that is not split shares its map");
}

}  // namespace vggt::accel
