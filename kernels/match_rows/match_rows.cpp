// SPDX-License-Identifier: Apache-2.0
#include "kernels/match_rows/match_rows.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/common/cpu_features.h"
#include "kernels/common/path.h"
#include "kernels/linear/linear.h"

namespace vggt::kernels {
namespace {

constexpr float kNone = -2;  // below every cosine
constexpr int64_t kSourceTile = 256;
constexpr int64_t kAnchorTile = 1024;

// Whether our linear layer takes bfloat16 rows as they are and gives their products in float32.
bool multiplies_bfloat16(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 && x.size(1) % 2 == 0 && path() == Path::kFast &&
         prefers_avx512_bf16();
}

// Some rows of one column group, as the products take them, and 1 / their lengths.
struct Rows {
  at::Tensor values;
  std::vector<float> scale;
};

template <class From, class To>
void gather(const at::Tensor& x, const int32_t* list, Rows& rows) {
  const auto* from = x.const_data_ptr<From>();
  auto* to = rows.values.mutable_data_ptr<To>();
  const int64_t width = x.size(1);
  for (size_t i = 0; i < rows.scale.size(); ++i) {
    const From* row = from + list[i] * x.stride(0);
    To* copy = to + static_cast<int64_t>(i) * width;
    float sum = 0;
    for (int64_t c = 0; c < width; ++c) {
      const auto value = static_cast<float>(row[c]);
      copy[c] = static_cast<To>(row[c]);
      sum += value * value;
    }
    rows.scale[i] = 1 / std::sqrt(std::max(sum, 1e-24f));
  }
}

Rows gather_rows(const at::Tensor& x, const int32_t* list, int64_t count) {
  const bool as_is = multiplies_bfloat16(x);
  Rows rows = {at::empty({count, x.size(1)}, x.options().dtype(as_is ? at::kBFloat16 : at::kFloat)),
               std::vector<float>(static_cast<size_t>(count))};
  if (x.scalar_type() == at::kFloat) {
    gather<float, float>(x, list, rows);
  } else if (as_is) {
    gather<c10::BFloat16, c10::BFloat16>(x, list, rows);
  } else {
    gather<c10::BFloat16, float>(x, list, rows);
  }
  return rows;
}

at::Tensor products(const at::Tensor& a, const at::Tensor& b) {
  // It leaves few rows to LibTorch, which would round the products.
  constexpr int64_t kLeastRows = 64;
  if (a.scalar_type() == at::kBFloat16 && a.size(0) >= kLeastRows) {
    return linear(a, b, {}, Activation::kNone, at::kFloat);
  }
  return a.to(at::kFloat).mm(b.to(at::kFloat).t());
}

// Sources of a block against its anchors.
void match_tile(const at::Tensor& x,
                const int32_t* sources,
                int64_t count,
                const int32_t* anchor_rows,
                const Rows& anchors,
                int32_t* best_row,
                float* best_score) {
  std::fill(best_score, best_score + count, kNone);
  const int64_t anchor_count = anchors.values.size(0);
  if (anchor_count == 0) {
    std::copy(sources, sources + count, best_row);
    return;
  }
  std::fill(best_row, best_row + count, anchor_rows[0]);
  const Rows tile = gather_rows(x, sources, count);
  for (int64_t first = 0; first < anchor_count; first += kAnchorTile) {
    const at::Tensor some = anchors.values.slice(0, first, first + kAnchorTile);
    const at::Tensor scores = products(tile.values, some);
    float* score = scores.mutable_data_ptr<float>();
    const float* scale = anchors.scale.data() + first;
    const int64_t columns = some.size(0);
    for (int64_t i = 0; i < count; ++i) {
      // Two passes, so that the first vectorises; NaN compares false in both.
      float* row = score + i * columns;
      const float own = tile.scale[static_cast<size_t>(i)];
      float most = kNone;
      for (int64_t j = 0; j < columns; ++j) {
        row[j] *= own * scale[j];
        most = row[j] > most ? row[j] : most;
      }
      if (!(most > best_score[i])) continue;
      best_score[i] = most;
      best_row[i] = anchor_rows[first + (std::find(row, row + columns, most) - row)];
    }
  }
}

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
      [&](int64_t map, int64_t block, const Rows& gathered, int64_t begin, int64_t end) {
        match_tile(x.narrow(1, map * width, width),
                   sources + begin,
                   end - begin,
                   anchors + anchor_offsets[block],
                   gathered,
                   best_row + map * count + begin,
                   best_score + map * count + begin);
      };
  const auto gathered_of = [&](int64_t map, int64_t block) {
    return gather_rows(
        x.narrow(1, map * width, width), anchors + anchor_offsets[block], anchor_count(block));
  };
  if (small) {
    at::parallel_for(0, maps * block_count, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const int64_t block = i / maps;
        const Rows gathered = gathered_of(i % maps, block);
        for (int64_t begin = source_offsets[block]; begin < source_offsets[block + 1];
             begin += kSourceTile) {
          run(i % maps,
              block,
              gathered,
              begin,
              std::min<int64_t>(begin + kSourceTile, source_offsets[block + 1]));
        }
      }
    });
    return match;
  }
  for (int64_t map = 0; map < maps; ++map) {
    for (int64_t block = 0; block < block_count; ++block) {
      const Rows gathered = gathered_of(map, block);
      const int64_t tiles =
          (source_offsets[block + 1] - source_offsets[block] + kSourceTile - 1) / kSourceTile;
      at::parallel_for(0, tiles, 1, [&](int64_t first, int64_t last) {
        for (int64_t tile = first; tile < last; ++tile) {
          const int64_t begin = source_offsets[block] + tile * kSourceTile;
          run(map,
              block,
              gathered,
              begin,
              std::min<int64_t>(begin + kSourceTile, source_offsets[block + 1]));
        }
      });
    }
  }
  return match;
}

}  // namespace

Match match_rows_tiled(const at::Tensor& x, int64_t maps, const MatchBlocks& blocks) {
  constexpr int64_t kTile = 1024;  // sources
  const at::Tensor wide = x.to(at::kFloat).unflatten(1, {maps, x.size(1) / maps}).transpose(0, 1);
  const at::Tensor rows = wide / wide.square().sum(-1, true).clamp_min(1e-24).sqrt();
  const at::Tensor source_offsets = blocks.source_offsets.cpu();
  const at::Tensor anchor_offsets = blocks.anchor_offsets.cpu();
  const auto* from = source_offsets.const_data_ptr<int32_t>();
  const auto* to = anchor_offsets.const_data_ptr<int32_t>();
  Match match;
  match.anchor = blocks.sources.unsqueeze(0).repeat({maps, 1});
  match.score = at::full({maps, blocks.sources.size(0)}, kNone, wide.options());
  const at::Tensor none = at::full({}, kNone, wide.options());
  for (int64_t b = 0; b + 1 < source_offsets.size(0); ++b) {
    const at::Tensor anchors = blocks.anchors.slice(0, to[b], to[b + 1]);
    if (anchors.size(0) == 0) continue;
    const at::Tensor units = rows.index_select(1, anchors.to(at::kLong)).transpose(1, 2);
    for (int64_t begin = from[b]; begin < from[b + 1]; begin += kTile) {
      const int64_t end = std::min<int64_t>(begin + kTile, from[b + 1]);
      const at::Tensor sources = blocks.sources.slice(0, begin, end);
      at::Tensor scores = rows.index_select(1, sources.to(at::kLong)).bmm(units);
      scores = at::where(scores.isnan(), none, scores);
      const auto [best, index] = scores.max(2);
      const at::Tensor row = anchors.index_select(0, index.flatten()).view_as(index);
      match.anchor.slice(1, begin, end).copy_(at::where(best > kNone, row, anchors.slice(0, 0, 1)));
      match.score.slice(1, begin, end).copy_(best);
    }
  }
  return match;
}

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
  return x.is_cpu() ? match_cpu(x, maps, blocks) : match_rows_tiled(x, maps, blocks);
}

}  // namespace vggt::kernels
