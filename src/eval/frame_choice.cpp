// SPDX-License-Identifier: Apache-2.0
#include "src/eval/frame_choice.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/base/error.h"
#include "src/eval/draw.h"
#include "src/io/json_file.h"

namespace vggt::eval {
namespace {

std::vector<int64_t> choose(int64_t n, const FrameChoice& choice, NumpyDraw& draw) {
  const int64_t most = choice.frames > 0 ? choice.frames : n;
  std::vector<int64_t> result;
  if (choice.frames > 0 && choice.order == FrameOrder::kRandom) return draw.choose(n, most);
  int64_t step = 1;
  if (choice.order == FrameOrder::kEven && n > most && most > 1) {
    step = std::max<int64_t>(1, (n - 1) / (most - 1));
  }
  for (int64_t i = 0; i<n&& static_cast<int64_t>(result.size()) < most; i += i> 0 ? step : 1) {
    result.push_back(i);
  }
  return result;
}

}  // namespace

std::vector<std::vector<int64_t>> choose_frames(std::span<const Candidate> candidates,
                                                const FrameChoice& choice) {
  NumpyDraw common(choice.seed);
  std::vector<std::vector<int64_t>> chosen;
  for (const Candidate& candidate : candidates) {
    chosen.emplace_back();
    if (!candidate.draws) continue;
    NumpyDraw own(choice.seed ^ static_cast<uint32_t>(stream_of(candidate.name)));
    const int64_t n = (candidate.frames + choice.stride - 1) / choice.stride;
    chosen.back() = choose(n, choice, choice.one_stream ? common : own);
    for (int64_t& index : chosen.back()) index *= choice.stride;
  }
  return chosen;
}

std::vector<bool> draw_sequences(std::span<const Candidate> candidates,
                                 int64_t most,
                                 uint32_t seed) {
  PythonDraw draw(seed);
  std::vector<bool> kept(candidates.size(), true);
  for (size_t first = 0; first < candidates.size();) {
    size_t end = first;
    while (end < candidates.size() && candidates[end].category == candidates[first].category) ++end;
    const auto count = static_cast<int64_t>(end - first);
    if (count >= most) {
      std::fill(kept.begin() + static_cast<int64_t>(first),
                kept.begin() + static_cast<int64_t>(end),
                false);
      for (const int64_t i : draw.sample(count, most)) kept[first + static_cast<size_t>(i)] = true;
    }
    first = end;
  }
  return kept;
}

std::map<std::string, std::vector<std::vector<int64_t>>> read_frame_lists(const std::string& path) {
  std::map<std::string, std::vector<std::vector<int64_t>>> lists;
  try {
    for (const auto& [sequence, list] :
         read_json(path).get<std::map<std::string, nlohmann::json>>()) {
      const bool several = list.is_array() && !list.empty() && list[0].is_array();
      (several ? list : nlohmann::json::array({list})).get_to(lists[sequence]);
    }
  } catch (const nlohmann::json::exception& error) {
    throw IoError(path, std::string("must be {sequence: [indices]}: ") + error.what());
  }
  return lists;
}

}  // namespace vggt::eval
