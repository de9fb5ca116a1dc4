// SPDX-License-Identifier: Apache-2.0
#include "kernels/match_rows/match_rows.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace vggt::kernels {
namespace {

constexpr float kNone = -2;  // below every cosine
constexpr int64_t kSourceTile = 256;
constexpr int64_t kAnchorTile = 1024;

// Rows of one column group, unit length, float32: the part of `list` that is asked for.
at::Tensor unit_rows(const at::Tensor& x, const int32_t* list, int64_t count) {
  at::Tensor out = at::empty({count, x.size(1)}, x.options().dtype(at::kFloat));
  float* to = out.mutable_data_ptr<float>();
  const int64_t width = x.size(1);
  const int64_t stride = x.stride(0);
  const auto fill = [&](const auto* from) {
    for (int64_t i = 0; i < count; ++i) {
      const auto* row = from + list[i] * stride;
      float* unit = to + i * width;
      float sum = 0;
      for (int64_t c = 0; c < width; ++c) {
        unit[c] = static_cast<float>(row[c]);
        sum += unit[c] * unit[c];
      }
      const float scale = 1 / std::sqrt(std::max(sum, 1e-24f));
      for (int64_t c = 0; c < width; ++c) unit[c] *= scale;
    }
  };
  if (x.scalar_type() == at::kFloat) {
    fill(x.const_data_ptr<float>());
  } else {
    fill(x.const_data_ptr<c10::BFloat16>());
  }
  return out;
}

// Sources [begin, end) of a block against its anchors, which are `units`.
void match_tile(const at::Tensor& x,
                const int32_t* sources,
                int64_t count,
                const int32_t* anchors,
                const at::Tensor& units,
                int32_t* best_row,
                float* best_score) {
  std::fill(best_score, best_score + count, kNone);
  std::copy(sources, sources + count, best_row);
  if (units.size(0) == 0) return;
  const at::Tensor tile = unit_rows(x, sources, count);
  for (int64_t first = 0; first < units.size(0); first += kAnchorTile) {
    const at::Tensor some = units.slice(0, first, first + kAnchorTile);
    const at::Tensor scores = tile.mm(some.t());
    const float* score = scores.const_data_ptr<float>();
    const int64_t columns = some.size(0);
    for (int64_t i = 0; i < count; ++i) {
      // Two passes, so that the first vectorises; NaN compares false in both.
      const float* row = score + i * columns;
      float most = kNone;
      for (int64_t j = 0; j < columns; ++j) most = row[j] > most ? row[j] : most;
      if (!(most > best_score[i])) continue;
      best_score[i] = most;
      best_row[i] = anchors[first + (std::find(row, row + columns, most) - row)];
    }
  }
}

struct Task {
  int64_t map, block, begin, end;  // sources
};

Match match_cpu(const at::Tensor& x, int64_t maps, const MatchBlocks& blocks) {
  const int64_t width = x.size(1) / maps;
  const int64_t count = blocks.sources.size(0);
  Match match;
  match.anchor = at::empty({maps, count}, blocks.sources.options());
  match.score = at::empty({maps, count}, x.options().dtype(at::kFloat));
  const auto* source_offsets = blocks.source_offsets.const_data_ptr<int32_t>();
  const auto* anchor_offsets = blocks.anchor_offsets.const_data_ptr<int32_t>();
  const auto* sources = blocks.sources.const_data_ptr<int32_t>();
  const auto* anchors = blocks.anchors.const_data_ptr<int32_t>();
  auto* best_row = match.anchor.mutable_data_ptr<int32_t>();
  auto* best_score = match.score.mutable_data_ptr<float>();
  const int64_t block_count = blocks.source_offsets.size(0) - 1;
  const auto anchor_count = [&](int64_t b) { return anchor_offsets[b + 1] - anchor_offsets[b]; };

  // Many small blocks: one each per task. A few large ones: their tiles of sources, which share the
  // anchors' unit rows.
  const bool small = maps * block_count >= 4 * at::get_num_threads();
  const auto run =
      [&](int64_t map, int64_t block, const at::Tensor& units, int64_t begin, int64_t end) {
        match_tile(x.narrow(1, map * width, width),
                   sources + begin,
                   end - begin,
                   anchors + anchor_offsets[block],
                   units,
                   best_row + map * count + begin,
                   best_score + map * count + begin);
      };
  const auto units_of = [&](int64_t map, int64_t block) {
    return unit_rows(
        x.narrow(1, map * width, width), anchors + anchor_offsets[block], anchor_count(block));
  };
  if (small) {
    at::parallel_for(0, maps * block_count, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const int64_t block = i / maps;
        const at::Tensor units = units_of(i % maps, block);
        for (int64_t begin = source_offsets[block]; begin < source_offsets[block + 1];
             begin += kSourceTile) {
          run(i % maps,
              block,
              units,
              begin,
              std::min<int64_t>(begin + kSourceTile, source_offsets[block + 1]));
        }
      }
    });
    return match;
  }
  for (int64_t map = 0; map < maps; ++map) {
    for (int64_t block = 0; block < block_count; ++block) {
      const at::Tensor units = units_of(map, block);
      const int64_t tiles =
          (source_offsets[block + 1] - source_offsets[block] + kSourceTile - 1) / kSourceTile;
      at::parallel_for(0, tiles, 1, [&](int64_t first, int64_t last) {
        for (int64_t tile = first; tile < last; ++tile) {
          const int64_t begin = source_offsets[block] + tile * kSourceTile;
          run(map,
              block,
              units,
              begin,
              std::min<int64_t>(begin + kSourceTile, source_offsets[block + 1]));
        }
      });
    }
  }
  return match;
}

}  // namespace

Match match_rows(const at::Tensor& x, int64_t maps, const MatchBlocks& blocks) {
  TORCH_CHECK(
      x.dim() == 2 && maps > 0 && x.size(1) % maps == 0 && (x.size(1) == 0 || x.stride(1) == 1),
      "match_rows: x must be [R, a multiple of ",
      maps,
      "] with last stride 1, got ",
      x.sizes());
  TORCH_CHECK(x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16,
              "match_rows: x must be float or bfloat16, got ",
              x.scalar_type());
  TORCH_CHECK(blocks.source_offsets.sizes() == blocks.anchor_offsets.sizes(),
              "match_rows: sources and anchors must have as many blocks");
  for (const at::Tensor& list :
       {blocks.source_offsets, blocks.sources, blocks.anchor_offsets, blocks.anchors}) {
    TORCH_CHECK(
        list.scalar_type() == at::kInt && list.is_contiguous() && list.device() == x.device(),
        "match_rows: the lists must be contiguous int32 on the device of x");
  }
  return match_cpu(x, maps, blocks);
}

}  // namespace vggt::kernels
