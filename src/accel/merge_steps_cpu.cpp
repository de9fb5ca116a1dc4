// SPDX-License-Identifier: Apache-2.0
#include "src/accel/merge_steps_cpu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/common/path.h"

namespace vggt::accel {
namespace {

// Puts the indices of the k highest first: of equals the lower index, NaN last.
void select_highest(const float* score, std::vector<int32_t>& index, int64_t k) {
  const auto value = [score](int32_t i) {
    return score[i] == score[i] ? score[i] : -std::numeric_limits<float>::infinity();
  };
  if (k <= 0 || k >= static_cast<int64_t>(index.size())) return;
  std::nth_element(index.begin(), index.begin() + k, index.end(), [&value](int32_t a, int32_t b) {
    const float of_a = value(a);
    const float of_b = value(b);
    return of_a > of_b || (of_a == of_b && a < b);
  });
}

template <class T>
void deviations(const TokenMap& map, const at::Tensor& x, const at::Tensor& mean, float* out) {
  const int64_t width = x.size(1) / map.maps;
  const auto* rows = x.const_data_ptr<T>();
  const auto* means = mean.const_data_ptr<T>();
  const auto* slot_of = map.slot_of.const_data_ptr<int32_t>();
  constexpr int64_t kGrain = 256;
  at::parallel_for(0, map.rows, kGrain, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      for (int64_t m = 0; m < map.maps; ++m) {
        const T* row = rows + r * x.stride(0) + m * width;
        const T* of_slot = means + static_cast<int64_t>(slot_of[m * map.rows + r]) * width;
        float sum = 0;
        for (int64_t c = 0; c < width; ++c) {
          const float off = static_cast<float>(row[c]) - static_cast<float>(of_slot[c]);
          sum += off * off;
        }
        out[m * map.rows + r] = sum;
      }
    }
  });
}

}  // namespace

bool plans_on_cpu(const at::Tensor& x) {
  return x.is_cpu() && kernels::path() == kernels::Path::kFast;
}

CountedSlots fill_map_cpu(TokenMap& map, const at::Tensor& anchor_of, int64_t total) {
  const int64_t maps = map.maps;
  const int64_t rows = map.rows;
  const at::Tensor named = anchor_of.contiguous();
  const auto* name = named.const_data_ptr<int32_t>();
  const auto options = anchor_of.options();
  map.map_offsets = at::zeros({maps + 1}, options);
  auto* first_slot = map.map_offsets.mutable_data_ptr<int32_t>();
  // The number of each anchor among those of its map.
  at::Tensor numbers = at::empty({maps, rows}, options);
  auto* number = numbers.mutable_data_ptr<int32_t>();
  at::parallel_for(0, maps, 1, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      int32_t count = 0;
      for (int64_t r = 0; r < rows; ++r) {
        number[m * rows + r] = name[m * rows + r] == r ? count++ : -1;
      }
      first_slot[m + 1] = count;
    }
  });
  const int64_t most = maps > 0 ? *std::max_element(first_slot + 1, first_slot + maps + 1) : 0;
  std::partial_sum(first_slot, first_slot + maps + 1, first_slot);
  const int64_t counted = first_slot[maps];
  const int64_t slots = std::max(total, counted);
  map.slot_of = at::empty({maps, rows}, options);
  map.members = at::empty({maps * rows}, options);
  map.anchor = at::full({slots}, -1, options);
  map.member_offsets = at::full({slots + 1}, maps * rows, options);
  auto* slot_of = map.slot_of.mutable_data_ptr<int32_t>();
  auto* members = map.members.mutable_data_ptr<int32_t>();
  auto* anchor = map.anchor.mutable_data_ptr<int32_t>();
  auto* offsets = map.member_offsets.mutable_data_ptr<int32_t>();
  at::parallel_for(0, maps, 1, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      const int32_t* of = name + m * rows;
      const int32_t base = first_slot[m];
      std::vector<int32_t> next(static_cast<size_t>(first_slot[m + 1] - base) + 1, 0);
      for (int64_t r = 0; r < rows; ++r) {
        TORCH_CHECK(of[r] >= 0 && of[r] < rows && number[m * rows + of[r]] >= 0,
                    "map_from_anchors: row ",
                    r,
                    " names a row that does not name itself");
        const int32_t slot = number[m * rows + of[r]];
        slot_of[m * rows + r] = base + slot;
        ++next[static_cast<size_t>(slot) + 1];
        if (of[r] == r) anchor[base + slot] = static_cast<int32_t>(r);
      }
      // Every row of a map is a member of one slot, so the members of map m begin at m R.
      std::partial_sum(next.begin(), next.end(), next.begin());
      const auto start = static_cast<int32_t>(m * rows);
      for (size_t t = 0; t + 1 < next.size(); ++t)
        offsets[base + static_cast<int64_t>(t)] = start + next[t];
      for (int64_t r = 0; r < rows; ++r) {
        members[start + next[static_cast<size_t>(slot_of[m * rows + r] - base)]++] =
            static_cast<int32_t>(r);
      }
    }
  });
  return {counted, most};
}

at::Tensor deviations_cpu(const TokenMap& map, const at::Tensor& x, const at::Tensor& mean) {
  at::Tensor result = at::empty({map.maps, map.rows}, x.options().dtype(at::kFloat));
  auto* out = result.mutable_data_ptr<float>();
  if (x.scalar_type() == at::kBFloat16) {
    deviations<c10::BFloat16>(map, x, mean, out);
  } else {
    deviations<float>(map, x, mean, out);
  }
  return result;
}

at::Tensor highest_cpu(const at::Tensor& score, int64_t k) {
  const at::Tensor values = score.contiguous();
  const auto* value = values.const_data_ptr<float>();
  const int64_t length = score.size(1);
  at::Tensor mask = at::zeros(score.sizes(), score.options().dtype(at::kBool));
  auto* chosen = mask.mutable_data_ptr<bool>();
  at::parallel_for(0, score.size(0), 1, [&](int64_t first, int64_t last) {
    std::vector<int32_t> index(static_cast<size_t>(length));
    for (int64_t g = first; g < last; ++g) {
      std::iota(index.begin(), index.end(), 0);
      select_highest(value + g * length, index, k);
      for (int64_t i = 0; i < k; ++i) chosen[g * length + index[static_cast<size_t>(i)]] = true;
    }
  });
  return mask;
}

at::Tensor best_anchors_cpu(const kernels::MatchBlocks& blocks,
                            const kernels::Match& match,
                            const std::vector<int64_t>& merged) {
  const int64_t count = blocks.sources.size(0);
  const auto block_count = static_cast<int64_t>(merged.size());
  const at::Tensor anchors = match.anchor.contiguous();
  const at::Tensor scores = match.score.contiguous();
  const auto* anchor = anchors.const_data_ptr<int32_t>();
  const auto* score = scores.const_data_ptr<float>();
  const auto* offsets = blocks.source_offsets.const_data_ptr<int32_t>();
  at::Tensor result = blocks.sources.unsqueeze(0).repeat({anchors.size(0), 1});
  auto* to = result.mutable_data_ptr<int32_t>();
  at::parallel_for(0, anchors.size(0) * block_count, 1, [&](int64_t first, int64_t last) {
    std::vector<int32_t> index;
    for (int64_t i = first; i < last; ++i) {
      const int64_t block = i % block_count;
      const int64_t begin = i / block_count * count + offsets[block];
      index.resize(static_cast<size_t>(offsets[block + 1] - offsets[block]));
      std::iota(index.begin(), index.end(), 0);
      const int64_t wanted =
          std::min(merged[static_cast<size_t>(block)], static_cast<int64_t>(index.size()));
      select_highest(score + begin, index, wanted);
      for (int64_t n = 0; n < wanted; ++n) {
        const int64_t at = begin + index[static_cast<size_t>(n)];
        to[at] = anchor[at];
      }
    }
  });
  return result;
}

at::Tensor without_leavers_cpu(const TokenMap& map, const at::Tensor& leaves) {
  const int64_t rows = map.rows;
  const auto* slot_of = map.slot_of.const_data_ptr<int32_t>();
  const auto* first_slot = map.map_offsets.const_data_ptr<int32_t>();
  const auto* anchor = map.anchor.const_data_ptr<int32_t>();
  const auto* leaving = leaves.const_data_ptr<bool>();
  at::Tensor result = at::empty_like(map.slot_of);
  auto* to = result.mutable_data_ptr<int32_t>();
  at::parallel_for(0, map.maps, 1, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      const bool* leaves_here = leaving + m * rows;
      // The name of a slot whose anchor leaves: the lowest row that stays.
      std::vector<int32_t> name(anchor + first_slot[m], anchor + first_slot[m + 1]);
      for (int32_t& row : name) {
        if (leaves_here[row]) row = -1;
      }
      for (int64_t r = 0; r < rows; ++r) {
        int32_t& own = name[static_cast<size_t>(slot_of[m * rows + r] - first_slot[m])];
        if (own < 0 && !leaves_here[r]) own = static_cast<int32_t>(r);
        to[m * rows + r] = leaves_here[r] ? static_cast<int32_t>(r) : own;
      }
    }
  });
  return result;
}

}  // namespace vggt::accel
