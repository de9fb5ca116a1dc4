// SPDX-License-Identifier: Apache-2.0
// What a report folder says of all sequences together.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "src/eval/bootstrap.h"
#include "src/eval/sequence_result.h"

namespace vggt::eval {

/// A sequence that was asked for and not scored, and why.
struct LeftOut {
  std::string sequence;
  std::string reason;
};

struct Evaluation {
  std::string dataset;
  std::vector<SequenceResult> results;
  std::vector<LeftOut> left_out;
  std::vector<std::string> problems;  ///< of the data set's files that concern no one sequence
  /// Of weights, options and machine; goes in as it is.
  nlohmann::ordered_json facts = nlohmann::ordered_json::object();
};

/// What summary.json holds. Shares are in percent there, as papers print them:
///   dataset, sequences (how many were scored), failed_predictions, left_out, problems
///   auc, auc_intervals   {"3", "5", "15", "30"}: mean over categories of VGGT's histogram form,
///                        and its 95 % bootstrap interval
///   auc_mean_over_categories, auc_pooled, auc_exact, rra, rta
///   auc_trapezoid        {"5", "10", "20"}: the area of ScanNet-1500's tables
///   median_rotation_deg, median_translation_deg, pairs, degenerate_pairs
///   auc_sequences        how many have a pair that is not degenerate: AUC and RTA are over those
///   trajectory, depth, points, scans   means over the sequences that have them; of the whole with
///                        trajectory.ate_relative_interval, depth.median.abs_rel_interval and
///                        points.chamfer_interval, of 95 %, too
///   stretches            KITTI's, the mean over all of them
///   seconds, peak_memory_bytes  of the network
///   by_trust, categories        the same scores of parts
/// A figure that nothing was measured for is null.
nlohmann::ordered_json summarise(const Evaluation& evaluation, const BootstrapOptions& bootstrap);

/// One line per sequence, the first one with the columns' names.
std::string sequences_csv(std::span<const SequenceResult> results);

/// A table for people: the totals, the trust classes and each category.
std::string markdown_table(const nlohmann::ordered_json& summary);

/// Two runs on the same sequences and frames, sequence by sequence, with the interval of the
/// difference b - a; what only one of them scored is counted. Throws ConfigError if they have
/// nothing in common.
std::string markdown_comparison(const Evaluation& a,
                                const Evaluation& b,
                                const BootstrapOptions& bootstrap);

}  // namespace vggt::eval
