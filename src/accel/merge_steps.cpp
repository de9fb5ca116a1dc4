// SPDX-License-Identifier: Apache-2.0
#include "src/accel/merge_steps.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "src/base/mixed.h"

namespace vggt::accel {
namespace {

at::Tensor int_tensor(const std::vector<int32_t>& values, at::Device device) {
  return at::tensor(values, at::kInt).to(device, /*non_blocking=*/true);
}

at::Device device_of(const TokenLayout& layout) { return layout.position.device(); }

// The rows where `mask` [R] holds, ascending. With a count it does not wait for a GPU.
at::Tensor rows_where(const at::Tensor& mask, int64_t count) {
  if (count < 0) return mask.nonzero().flatten().to(at::kInt);
  // A stable sort brings them to the front.
  return std::get<1>(at::sort(mask.to(at::kByte), /*stable=*/true, 0, /*descending=*/true))
      .slice(0, 0, count)
      .to(at::kInt);
}

at::Tensor ends(int64_t count, at::Device device) {
  return int_tensor({0, static_cast<int32_t>(count)}, device);
}

}  // namespace

at::Tensor roles(const TokenLayout& layout, FirstFrame first_frame) {
  TORCH_CHECK(layout.is_regular(), "roles: every frame must have all of its patches");
  const auto options = at::TensorOptions().dtype(at::kByte).device(device_of(layout));
  at::Tensor role = at::zeros({layout.frames, layout.tokens()}, options);
  if (layout.frames > 0 && first_frame != FirstFrame::kPlain) {
    role.select(0, 0).fill_(static_cast<uint8_t>(
        first_frame == FirstFrame::kAnchors ? Role::kAnchor : Role::kProtected));
  }
  role.slice(1, 0, layout.special).fill_(static_cast<uint8_t>(Role::kProtected));
  return role.flatten();
}

Cells grid_cells(const TokenLayout& layout, int64_t side, CellEdge edge) {
  TORCH_CHECK(side >= 1, "grid_cells: side must be at least 1, got ", side);
  const auto options = at::TensorOptions().dtype(at::kLong).device(device_of(layout));
  const bool ragged = edge == CellEdge::kRagged;
  const auto cells_along = [&](int64_t n) { return ragged ? (n + side - 1) / side : n / side; };
  const int64_t down = cells_along(layout.grid_h);
  const int64_t across = cells_along(layout.grid_w);
  const at::Tensor y = at::arange(layout.grid_h, options).floor_divide(side).unsqueeze(1);
  const at::Tensor x = at::arange(layout.grid_w, options).floor_divide(side).unsqueeze(0);
  const at::Tensor number = y * across + x;
  return {at::where((y < down) & (x < across), number, at::full({}, -1, options)).flatten(),
          down * across};
}

at::Tensor lowest_of_cells(const Cells& cells, const at::Tensor& score, const at::Tensor& allowed) {
  // Order the patches of each frame by (cell, score, patch): the first of each cell is its pick.
  const at::Tensor open = allowed & (cells.of_patch >= 0);
  constexpr float kNever = std::numeric_limits<float>::infinity();
  const at::Tensor key =
      at::where(open & score.isfinite(), score, at::full({}, kNever, score.options()));
  const at::Tensor by_score = std::get<1>(at::sort(key, /*stable=*/true, 1, false));
  const at::Tensor cell = cells.of_patch.expand_as(key).gather(1, by_score);
  const at::Tensor by_cell = std::get<1>(at::sort(cell, /*stable=*/true, 1, false));
  const at::Tensor order = by_score.gather(1, by_cell);
  const at::Tensor sorted = cell.gather(1, by_cell);
  at::Tensor first = at::ones_like(sorted, at::kBool);
  if (sorted.size(1) > 1) {
    first.slice(1, 1).copy_(sorted.slice(1, 1) != sorted.slice(1, 0, sorted.size(1) - 1));
  }
  return at::zeros_like(first).scatter_(1, order, first) & open;
}

at::Tensor random_scores(const TokenLayout& layout, uint64_t seed) {
  at::Tensor scores = at::empty({layout.frames, layout.patches()}, at::kFloat);
  auto* value = scores.mutable_data_ptr<float>();
  for (int64_t f = 0; f < layout.frames; ++f) {
    const uint64_t key =
        mixed(mixed(seed) ^ static_cast<uint64_t>(layout.frame_id[static_cast<size_t>(f)]));
    for (int64_t i = 0; i < layout.patches(); ++i) {
      *value++ = static_cast<float>(mixed(key + static_cast<uint64_t>(i)) >> 40) * 0x1p-24f;
    }
  }
  return scores.to(device_of(layout), /*non_blocking=*/true);
}

at::Tensor highest(const at::Tensor& score, int64_t k) {
  const int64_t count = std::clamp<int64_t>(k, 0, score.size(1));
  const at::Tensor key = at::where(
      score.isnan(), at::full({}, -std::numeric_limits<float>::infinity(), score.options()), score);
  const at::Tensor order = std::get<1>(at::sort(key, /*stable=*/true, 1, /*descending=*/true));
  return at::zeros_like(score, at::kBool)
      .scatter_(1,
                order.slice(1, 0, count),
                at::ones({}, at::kBool).to(score.device()).expand({score.size(0), count}));
}

at::Tensor patch_rows(const TokenLayout& layout) {
  const auto options = at::TensorOptions().dtype(at::kLong).device(device_of(layout));
  return at::arange(layout.frames, options).unsqueeze(1) * layout.tokens() + layout.special +
         at::arange(layout.patches(), options);
}

at::Tensor over_rows(const TokenLayout& layout, const at::Tensor& of_patches, int64_t special) {
  return at::cat({at::full({layout.frames, layout.special}, special, of_patches.options()),
                  of_patches.view({layout.frames, layout.patches()})},
                 1)
      .flatten();
}

kernels::MatchBlocks scene_block(const at::Tensor& role, int64_t sources, int64_t anchors) {
  kernels::MatchBlocks blocks;
  blocks.sources = rows_where(role == static_cast<uint8_t>(Role::kSource), sources);
  blocks.anchors = rows_where(role == static_cast<uint8_t>(Role::kAnchor), anchors);
  blocks.source_offsets = ends(blocks.sources.size(0), role.device());
  blocks.anchor_offsets = ends(blocks.anchors.size(0), role.device());
  return blocks;
}

Windows window_blocks(const TokenLayout& layout,
                      const WindowOptions& options,
                      const AnchorPattern& pattern,
                      FirstFrame first_frame) {
  TORCH_CHECK(layout.is_regular(), "window_blocks: every frame must have all of its patches");
  Windows windows;
  std::vector<int32_t> sources;
  std::vector<int32_t> anchors;
  std::vector<int32_t> source_offsets = {0};
  std::vector<int32_t> anchor_offsets = {0};
  for (int64_t first = 0; first < layout.frames; first += options.frames) {
    for (int64_t place = 0; place < layout.patches(); place += options.run) {
      const int64_t frames = std::min(options.frames, layout.frames - first);
      const int64_t run = std::min(options.run, layout.patches() - place);
      const bool has_first = first == 0 && first_frame != FirstFrame::kPlain;
      // As many anchors as the pattern alone would give: where the first frame's patches are
      // anchors already, the other frames keep the rest of that number, by a longer period.
      int64_t budget = 0;
      for (int64_t t = 0; t < frames; ++t) {
        for (int64_t s = 0; s < run; ++s) budget += (s + pattern.step * t) % pattern.period == 0;
      }
      const int64_t of_first = has_first && first_frame == FirstFrame::kAnchors ? run : 0;
      const int64_t others = (frames - (has_first ? 1 : 0)) * run;
      const int64_t wanted = has_first ? std::max<int64_t>(budget - of_first, 0) : budget;
      int64_t seen = 0;
      for (int64_t t = 0; t < frames; ++t) {
        for (int64_t s = 0; s < run; ++s) {
          const auto row =
              static_cast<int32_t>((first + t) * layout.tokens() + layout.special + place + s);
          if (has_first && t == 0) {
            if (first_frame == FirstFrame::kAnchors) anchors.push_back(row);
            continue;
          }
          bool is_anchor = (s + pattern.step * t) % pattern.period == 0;
          if (has_first) {
            // Evenly: entry i of n is one of the `wanted` if the share steps there.
            is_anchor = (seen + 1) * wanted / others > seen * wanted / others;
            ++seen;
          }
          (is_anchor ? anchors : sources).push_back(row);
        }
      }
      windows.sources.push_back(static_cast<int64_t>(sources.size()) - source_offsets.back());
      windows.anchors.push_back(static_cast<int64_t>(anchors.size()) - anchor_offsets.back());
      source_offsets.push_back(static_cast<int32_t>(sources.size()));
      anchor_offsets.push_back(static_cast<int32_t>(anchors.size()));
    }
  }
  const at::Device device = device_of(layout);
  windows.blocks = {int_tensor(source_offsets, device),
                    int_tensor(sources, device),
                    int_tensor(anchor_offsets, device),
                    int_tensor(anchors, device)};
  return windows;
}

at::Tensor anchors_from_match(int64_t rows,
                              const kernels::MatchBlocks& blocks,
                              const kernels::Match& match) {
  const int64_t maps = match.anchor.size(0);
  const at::Tensor itself = at::arange(rows, blocks.sources.options()).repeat({maps, 1});
  return itself.scatter_(
      1, blocks.sources.to(at::kLong).unsqueeze(0).expand({maps, -1}), match.anchor);
}

at::Tensor anchors_from_match(int64_t rows,
                              const kernels::MatchBlocks& blocks,
                              const kernels::Match& match,
                              const std::vector<int64_t>& merged) {
  // Block after block, the best first: a stable sort by score, then by block.
  const at::Device device = blocks.sources.device();
  const auto block_count = static_cast<int64_t>(merged.size());
  const auto longs = at::TensorOptions().dtype(at::kLong).device(device);
  const at::Tensor block =
      at::searchsorted(blocks.source_offsets.slice(0, 1).contiguous(),
                       at::arange(blocks.sources.size(0), blocks.sources.options()),
                       /*out_int32=*/false,
                       /*right=*/true)
          .clamp_max(std::max<int64_t>(block_count - 1, 0))
          .expand_as(match.score);
  const at::Tensor by_score =
      std::get<1>(at::sort(match.score, /*stable=*/true, 1, /*descending=*/true));
  const at::Tensor by_block =
      std::get<1>(at::sort(block.gather(1, by_score), /*stable=*/true, 1, /*descending=*/false));
  const at::Tensor order = by_score.gather(1, by_block);
  const at::Tensor rank =
      at::zeros_like(order).scatter_(
          1, order, at::arange(order.size(1), longs).expand_as(order).contiguous()) -
      blocks.source_offsets.to(at::kLong).index_select(0, block[0]);
  const at::Tensor limit = at::tensor(merged, at::kLong).to(device, true).index_select(0, block[0]);
  const kernels::Match chosen = {
      at::where(rank < limit, match.anchor, blocks.sources.expand_as(match.anchor)), match.score};
  return anchors_from_match(rows, blocks, chosen);
}

at::Tensor release_outliers(const TokenMap& map, const at::Tensor& x, int64_t count) {
  const auto longs = map.slot_of.options().dtype(at::kLong);
  const at::Tensor anchor_of =
      map.anchor.index_select(0, map.slot_of.flatten().to(at::kLong)).view_as(map.slot_of);
  if (count <= 0) return anchor_of;
  // Squared distance of each row to its mean, [M, R]; exactly 0 for rows alone, which are copies.
  const at::Tensor mean = unmerge(map, merge(map, x));
  const at::Tensor deviation = (x.to(at::kFloat) - mean.to(at::kFloat))
                                   .unflatten(1, {map.maps, x.size(1) / map.maps})
                                   .square()
                                   .sum(2)
                                   .t();
  const at::Tensor leaves = highest(deviation.reshape({1, -1}), count).view_as(map.slot_of);
  // Those that stay are named by the anchor, or by the lowest that stays where it leaves.
  const at::Tensor row = at::arange(map.rows, longs).expand_as(map.slot_of);
  const at::Tensor staying = at::where(leaves, at::full({}, map.rows, longs), row);
  const at::Tensor lowest =
      at::full({map.slots}, map.rows, longs)
          .scatter_reduce_(0, map.slot_of.flatten().to(at::kLong), staying.flatten(), "amin", true);
  const at::Tensor anchor = anchor_of.to(at::kLong);
  const at::Tensor anchor_leaves = leaves.gather(1, anchor);
  const at::Tensor heir =
      lowest.index_select(0, map.slot_of.flatten().to(at::kLong)).view_as(anchor);
  return at::where(leaves, row, at::where(anchor_leaves, heir, anchor)).to(at::kInt);
}

}  // namespace vggt::accel
