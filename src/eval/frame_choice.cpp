// SPDX-License-Identifier: Apache-2.0
#include "src/eval/frame_choice.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/base/error.h"
#include "src/base/mixed.h"
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
  // The first frame, then every step-th of the rest, as FastVGGT's evaluation takes them.
  if (n > 0) result.push_back(0);
  for (int64_t i = 1; i < n && static_cast<int64_t>(result.size()) < most; i += step) {
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
    NumpyDraw own(choice.seed ^ static_cast<uint32_t>(hash_of(candidate.name)));
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

std::string name_in_category(const std::string& name) { return name.substr(name.rfind('/') + 1); }

std::vector<bool> asked_for(std::span<const Candidate> candidates,
                            std::span<const std::string> names) {
  std::vector<bool> asked(candidates.size(), names.empty());
  for (const std::string& name : names) {
    bool found = false;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const Candidate& candidate = candidates[i];
      if (name != candidate.name && name != candidate.category &&
          name != name_in_category(candidate.name)) {
        continue;
      }
      asked[i] = true;
      found = true;
    }
    if (!found) {
      throw ConfigError("only",
                        "'" + name + "' is no sequence and no category of those chosen from");
    }
  }
  return asked;
}

std::map<std::string, std::vector<std::vector<int64_t>>> read_frame_lists(const std::string& path) {
  const nlohmann::json root = read_json(path);
  const auto fail = [&](const std::string& reason) {
    throw IoError(path, "must be {sequence: [indices]}: " + reason);
  };
  if (!root.is_object()) fail("it is no object");
  std::map<std::string, std::vector<std::vector<int64_t>>> lists;
  for (const auto& [sequence, value] : root.items()) {
    const bool several = value.is_array() && !value.empty() && value[0].is_array();
    for (const nlohmann::json& list : several ? value : nlohmann::json::array({value})) {
      if (!list.is_array()) fail("that of " + sequence + " is no list");
      std::vector<int64_t>& indices = lists[sequence].emplace_back();
      for (const nlohmann::json& index : list) {
        if (!index.is_number_integer()) {
          fail("that of " + sequence + " holds " + index.dump().substr(0, 40) +
               ", which is no whole number");
        }
        indices.push_back(index.get<int64_t>());
        if (std::count(indices.begin(), indices.end(), indices.back()) > 1) {
          fail("that of " + sequence + " holds " + index.dump() + " twice");
        }
      }
    }
  }
  return lists;
}

}  // namespace vggt::eval
