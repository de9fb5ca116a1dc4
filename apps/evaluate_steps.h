// SPDX-License-Identifier: Apache-2.0
// The steps of `vggt eval`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/model_options.h"
#include "datasets/registry.h"
#include "src/base/progress.h"
#include "src/eval/frame_choice.h"
#include "src/eval/result_log.h"
#include "src/eval/summary.h"

namespace vggt::apps {

/// What the user asked for.
struct EvaluateCommand {
  std::string dataset;
  std::string root;
  std::string split;  ///< empty: the protocol's
  std::string output;
  ModelOptions model;
  int64_t frames = -1;  ///< -1: the protocol's; 0: all
  int64_t stride = 1;
  std::string order = "random";
  uint32_t seed = 0;
  std::string frame_list;
  int64_t least_frames = -1;  ///< -1: the protocol's
  bool fast = false;
  std::vector<std::string> only;
  int64_t repeat = 1;
  bool points = true;
  int64_t most_points = 100000;
  std::string compat = "none";
  std::vector<std::string> compare;  ///< two report folders
};

/// A sequence with the frames that were chosen of it.
struct Planned {
  datasets::Sequence sequence;
  std::vector<int64_t> frames;
};

/// What is to be scored, and what not.
struct Plan {
  std::vector<Planned> sequences;
  std::vector<eval::LeftOut> left_out;
  std::vector<std::string> problems;
};

/// Reads the data set, says what of it cannot be read, and chooses frames: the same on every machine.
/// Throws ConfigError or IoError.
Plan make_plan(const EvaluateCommand& command);

/// Everything that decides a result, but the frames: results with another key do not count.
nlohmann::ordered_json key_of(const EvaluateCommand& command, const LoadedModel& loaded);

/// Scores what the log does not have yet, and appends it; what cannot be read goes to
/// plan.left_out. Returns the results in the order of the plan. Throws Cancelled; what is done is
/// then in the log.
std::vector<eval::SequenceResult> score_all(const EvaluateCommand& command,
                                            const LoadedModel& loaded,
                                            Plan& plan,
                                            eval::ResultLog& log,
                                            const ProgressCallback& progress);

/// The frames of each sequence as --frame-list takes them.
nlohmann::ordered_json frame_lists_of(std::span<const eval::SequenceResult> results);

/// Writes summary.json, sequences.csv, table.md, frames.json and the pictures.
void write_evaluation(const std::string& folder,
                      const eval::Evaluation& evaluation,
                      const nlohmann::ordered_json& summary);

/// errors.png, trajectories.png, accuracy.png
void write_evaluation_pictures(const std::string& folder,
                               const eval::Evaluation& evaluation,
                               const nlohmann::ordered_json& summary);

}  // namespace vggt::apps
