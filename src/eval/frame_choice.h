// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace vggt::eval {

enum class FrameOrder {
  kRandom,  ///< drawn, and left in the order drawn: the first is the network's reference frame
  /// ScanNet-50's rule: the first, then of the rest every max(1, floor((n-1) / (frames-1)))-th, its
  /// first among them: 0, 1, 1 + step, ...
  kEven,
  kFirst,  ///< the first ones
};

struct FrameChoice {
  int64_t frames = 10;  ///< per sequence; 0: all, in their order
  int64_t stride = 1;   ///< before that, only every so many frames are looked at, from the first on
  FrameOrder order = FrameOrder::kRandom;
  uint32_t seed = 0;
  /// CO3D's published protocol: all sequences draw from one stream, one after the other, so that
  /// every sequence must be there. Otherwise each has a stream of its own, by its name.
  bool one_stream = false;
};

/// A sequence that frames are chosen from.
struct Candidate {
  std::string category;
  std::string name;
  int64_t frames = 0;
  bool draws = true;  ///< false: it is left out, and takes nothing from the stream
};

/// The indices of the chosen frames of each candidate, in the order that the network gets them;
/// empty where `draws` is false. The same on every machine.
std::vector<std::vector<int64_t>> choose_frames(std::span<const Candidate> candidates,
                                                const FrameChoice& choice);

/// CO3D's fast variant: of each category with `most` sequences or more that many, drawn by Python's
/// generator from one stream, in order of the candidates. Returns which are kept. The candidates of
/// a category must be neighbours, sorted by name.
std::vector<bool> draw_sequences(std::span<const Candidate> candidates,
                                 int64_t most,
                                 uint32_t seed);

/// The name without the category that CO3D's begin with: "apple/110_13051" is 110_13051 there.
std::string name_in_category(const std::string& name);

/// Which candidates are asked for: by their own names, with or without the category, or by that.
/// Throws ConfigError("only") naming what is neither.
/// names  empty: all are
std::vector<bool> asked_for(std::span<const Candidate> candidates,
                            std::span<const std::string> names);

/// Lists of frames as other projects publish them: JSON, {sequence: [indices]}, or, where a sequence
/// is scored several times, as in ScanNet-1500's pairs, {sequence: [[indices], ...]}.
/// Throws IoError: something else, an index that is no whole number or comes twice in a list.
std::map<std::string, std::vector<std::vector<int64_t>>> read_frame_lists(const std::string& path);

}  // namespace vggt::eval
