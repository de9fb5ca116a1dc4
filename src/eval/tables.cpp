// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdio>
#include <map>
#include <tuple>

#include "src/base/error.h"
#include "src/eval/scores_by_sequence.h"
#include "src/eval/summary.h"
#include "src/io/text_file.h"

namespace vggt::eval {
namespace {

using Json = nlohmann::ordered_json;

std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

std::string fixed(const Json& value, int digits) {
  return value.is_number() ? fixed(value.get<double>(), digits) : "-";
}

// How many of all count where not all do.
std::string counted(int64_t counting, const Json& all) {
  const std::string text = fixed(all, 0);
  return counting == all.get<int64_t>() ? text : std::to_string(counting) + " of " + text;
}

std::string row(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) line += " " + cell + " |";
  return line + "\n";
}

std::string head(const std::vector<std::string>& cells) {
  std::string line = row(cells) + "|";
  for (size_t i = 0; i < cells.size(); ++i) line += i == 0 ? "---|" : "---:|";
  return line + "\n";
}

// What the whole, a trust class and a category have in common.
std::vector<std::string> score_cells(const Json& scores) {
  const Json depth = scores["depth"].value("median", Json::object());
  const Json points = scores["points"];
  const Json& memory = scores["peak_memory_bytes"];
  const int64_t of_auc = scores["pairs"].get<int64_t>() - scores["degenerate_pairs"].get<int64_t>();
  std::vector<std::string> cells = {
      counted(scores["auc_sequences"].get<int64_t>(), scores["sequences"]),
      counted(of_auc, scores["pairs"])};
  for (const char* threshold : {"30", "15", "5", "3"}) {
    cells.push_back(fixed(scores["auc"][threshold], 2));
  }
  cells.push_back(fixed(scores["rra"]["15"], 1));
  cells.push_back(fixed(scores["rta"]["15"], 1));
  cells.push_back(fixed(scores["median_rotation_deg"], 1));
  cells.push_back(fixed(scores["median_translation_deg"], 1));
  cells.push_back(fixed(scores["trajectory"]["ate_relative"], 3));
  cells.push_back(fixed(depth.value("abs_rel", Json()), 3));
  cells.push_back(depth.contains("delta_percent") ? fixed(depth["delta_percent"][0], 1) : "-");
  cells.push_back(fixed(points.value("chamfer", Json()), 3));
  cells.push_back(fixed(scores["seconds"], 2));
  cells.push_back(fixed(memory.is_number() ? memory.get<double>() * 1e-9 : NAN, 2));
  return cells;
}

const std::vector<std::string> kScoreNames = {"sequences",
                                              "pairs",
                                              "AUC@30",
                                              "AUC@15",
                                              "AUC@5",
                                              "AUC@3",
                                              "RRA@15",
                                              "RTA@15",
                                              "rotation, deg",
                                              "translation, deg",
                                              "ATE / extent",
                                              "AbsRel",
                                              "delta 1.25",
                                              "chamfer",
                                              "s",
                                              "GB"};

std::vector<std::string> with_first(std::vector<std::string> first,
                                    const std::vector<std::string>& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

// A cell must not end at a name's own bar, nor a line at its line break.
std::string cell_text(std::string text) {
  for (char& c : text) {
    if (c == '|' || static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

std::string csv_text(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string csv_number(double value) { return std::isfinite(value) ? number_text(value) : ""; }

// What only some data sets have: a line each.
std::string further_figures(const Json& summary) {
  std::string text;
  const Json& area = summary["auc_trapezoid"];
  text += "\nArea under the recall curve without a histogram, as for ScanNet-1500: @5 " +
          fixed(area["5"], 2) + ", @10 " + fixed(area["10"], 2) + ", @20 " + fixed(area["20"], 2) +
          ".\n";
  if (const Json& stretches = summary["stretches"]; !stretches.empty()) {
    text += "\nStretches of 100 to 800 m (KITTI), after Sim(3): translation " +
            fixed(stretches["translation_percent"], 2) + " %, rotation " +
            fixed(stretches["rotation_deg_per_metre"], 4) + " deg/m, over " +
            fixed(stretches["stretches"], 0) + " of them.\n";
  }
  for (const auto& [alignment, scan] : summary["scans"].items()) {
    text += "\nAgainst the scan, aligned by " + alignment + ", " + fixed(scan["sequences"], 0) +
            " sequences: accuracy " + fixed(scan["accuracy"], 4) + ", completeness " +
            fixed(scan["completeness"], 4) + ", mean of both " + fixed(scan["chamfer"], 4);
    if (scan["clipped_sum"].is_number() && std::isfinite(scan["clipped_sum"].get<double>())) {
      text += ", sum of both clipped (ScanNet's Chamfer) " + fixed(scan["clipped_sum"], 4);
    }
    if (!scan["f_score_percent"].empty()) {
      text += ", F-score " + fixed(scan["f_score_percent"][0]["f"], 2) + " %";
    }
    text += ".\n";
  }
  return text;
}

}  // namespace

std::string sequences_csv(std::span<const SequenceResult> results) {
  std::string csv = "sequence,category,trust,frames,pairs,degenerate_pairs";
  for (const int64_t t : kThresholds_deg) csv += ",auc_" + std::to_string(t);
  for (const int64_t t : kThresholds_deg) csv += ",rra_" + std::to_string(t);
  for (const int64_t t : kThresholds_deg) csv += ",rta_" + std::to_string(t);
  for (const int64_t t : kAreaThresholds_deg) csv += ",auc_trapezoid_" + std::to_string(t);
  csv +=
      ",median_rotation_deg,median_translation_deg,ate_rmse,ate_relative,are_deg,"
      "rpe_translation,rpe_rotation_deg,stretches_translation_percent,"
      "stretches_rotation_deg_per_metre";
  const std::vector<std::string> alignments = {"median", "scale", "scale_shift"};
  for (const std::string& name : alignments) {
    csv += ",abs_rel_" + name + ",rmse_" + name + ",delta1_" + name;
  }
  csv +=
      ",accuracy,completeness,normal_consistency,chamfer,scan_clipped_sum_bounding_box,"
      "scan_clipped_sum_cameras,scan_f,width_px,height_px,"
      "forward_seconds,runs,read_seconds,peak_memory_bytes,failure\n";
  for (const SequenceResult& result : results) {
    const PoseScores scores = score_pairs(result.pairs);
    csv += csv_text(result.sequence) + "," + csv_text(result.category) + "," +
           csv_text(result.trust) + "," + std::to_string(result.frames.size()) + "," +
           std::to_string(scores.pairs) + "," + std::to_string(scores.degenerate);
    std::vector<double> numbers;
    for (const ByThreshold& shares : {scores.auc, scores.rra, scores.rta}) {
      for (const double share : shares) numbers.push_back(100 * share);
    }
    for (const double area : scores.trapezoid_auc) numbers.push_back(100 * area);
    numbers.push_back(scores.median_rotation_deg);
    numbers.push_back(scores.median_translation_deg);
    const TrajectoryScores none{
        .ate_rmse = NAN, .are_deg = NAN, .rpe_translation = NAN, .rpe_rotation_deg = NAN};
    const TrajectoryScores& trajectory = result.trajectory ? *result.trajectory : none;
    numbers.insert(numbers.end(),
                   {trajectory.ate_rmse,
                    ate_relative(result),
                    trajectory.are_deg,
                    trajectory.rpe_translation,
                    trajectory.rpe_rotation_deg,
                    result.stretches ? result.stretches->translation_percent : NAN,
                    result.stretches ? result.stretches->rotation_deg_per_metre : NAN});
    for (const std::string& name : alignments) {
      DepthScores depth{0, NAN, NAN, NAN, NAN, {NAN, NAN, NAN}};
      for (const auto& [alignment, found] : result.depth) {
        if (alignment == name) depth = found;
      }
      numbers.insert(numbers.end(), {depth.abs_rel, depth.rmse, 100 * depth.delta[0]});
    }
    const PointScores points =
        result.points.value_or(PointScores{0, 0, {NAN, NAN}, {NAN, NAN}, {NAN, NAN}, NAN, NAN});
    numbers.insert(
        numbers.end(),
        {points.accuracy.mean, points.completeness.mean, points.normals.mean, points.chamfer});
    for (const char* name : {"bounding_box", "cameras"}) {
      numbers.push_back(NAN);
      for (const auto& [alignment, scan] : result.scans) {
        if (alignment == name) numbers.back() = scan.clipped_sum;
      }
    }
    numbers.push_back(NAN);
    for (const auto& [alignment, scan] : result.scans) {
      if (!scan.f_scores.empty()) numbers.back() = 100 * scan.f_scores[0].f;
    }
    for (const double number : numbers) csv += "," + csv_number(number);
    csv += "," + std::to_string(result.width_px) + "," + std::to_string(result.height_px) + "," +
           csv_number(result.forward_seconds) + "," + std::to_string(result.runs) + "," +
           csv_number(result.read_seconds) + "," + csv_number(result.peak_memory_bytes) + "," +
           csv_text(result.failure) + "\n";
  }
  return csv;
}

std::string markdown_table(const Json& summary) {
  const auto count = summary["sequences"].get<int64_t>();
  const size_t left_out = summary["left_out"].size();
  std::string text = "# " + summary["dataset"].get<std::string>() + "\n\n" + std::to_string(count) +
                     " sequences scored, " + std::to_string(left_out) + " left out";
  if (summary["failed_predictions"] != 0) {
    text += ", " + fixed(summary["failed_predictions"], 0) + " with a prediction that failed";
  }
  text += ". AUC: mean over categories, histogram form, percent";
  const auto shown = [](const Json& interval, int digits) {
    return interval.is_array() && interval[0].is_number() &&
                   std::isfinite(interval[0].get<double>())
               ? fixed(interval[0], digits) + " to " + fixed(interval[1], digits)
               : std::string("-");
  };
  const Json depth = summary["depth"].value("median", Json::object());
  text += "; 95 % intervals: @30 " + shown(summary["auc_intervals"]["30"], 1) + ", @15 " +
          shown(summary["auc_intervals"]["15"], 1) + ", @5 " +
          shown(summary["auc_intervals"]["5"], 1) + ", ATE / extent " +
          shown(summary["trajectory"].value("ate_relative_interval", Json()), 3) + ", AbsRel " +
          shown(depth.value("abs_rel_interval", Json()), 3) + ", chamfer " +
          shown(summary["points"].value("chamfer_interval", Json()), 3) + ".\n\n";
  text += head(with_first({"", "truth"}, kScoreNames));
  for (const auto& [category, scores] : summary["categories"].items()) {
    text += row(with_first({cell_text(category), cell_text(scores["trust"].get<std::string>())},
                           score_cells(scores)));
  }
  for (const auto& [trust, scores] : summary["by_trust"].items()) {
    text += row(with_first({"**mean**", cell_text(trust)}, score_cells(scores)));
  }
  text += row(with_first({"**all**", ""}, score_cells(summary)));
  text +=
      "\nsequences, pairs: where it says \"2 of 3\", AUC, RTA and translation are over 2, since "
      "the others have no true baseline; rotation, translation: medians over pairs, - where half "
      "of them failed; ATE after Sim(3), divided by the RMS extent of "
      "the true centres; AbsRel and delta (percent) after one median scale per sequence, weighted "
      "by "
      "pixels; chamfer: "
      "of points by depth and cameras; s: one run of the network; GB: peak memory of the process. "
      "A truth by sensor tracking or SfM has errors of its own, 0.2 to 1 degree and more, which "
      "limit AUC@3 and AUC@5.\n";
  const Json compat = summary.value("made_by", Json::object()).value("compat", Json("none"));
  if (compat != "none") text += "\nMeasured with --compat " + compat.get<std::string>() + ".\n";
  text += further_figures(summary);
  if (left_out > 0) text += "\nLeft out:\n\n";
  for (const Json& entry : summary["left_out"]) {
    text += "- " + cell_text(entry["sequence"].get<std::string>()) + ": " +
            cell_text(entry["reason"].get<std::string>()) + "\n";
  }
  if (!summary["problems"].empty()) text += "\nProblems:\n\n";
  for (const Json& problem : summary["problems"]) {
    text += "- " + cell_text(problem.get<std::string>()) + "\n";
  }
  return text;
}

std::string markdown_comparison(const Evaluation& a,
                                const Evaluation& b,
                                const BootstrapOptions& bootstrap_options) {
  const auto identity = [](const SequenceResult& result) {
    return std::tuple(result.sequence, result.frames, result.fingerprint);
  };
  std::map<std::tuple<std::string, std::vector<int64_t>, std::string>, const SequenceResult*> of_a;
  for (const SequenceResult& result : a.results) of_a[identity(result)] = &result;
  std::vector<SequenceResult> left;
  std::vector<SequenceResult> right;
  for (const SequenceResult& result : b.results) {
    const auto found = of_a.find(identity(result));
    if (found == of_a.end()) continue;
    left.push_back(*found->second);
    right.push_back(result);
  }
  if (left.empty()) {
    throw ConfigError("compare",
                      "the two reports share no sequence with the same frames, photos and truth");
  }
  const AucOfChoice first(left);
  const AucOfChoice second(right);
  std::vector<int64_t> all(left.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);

  std::string text = std::to_string(left.size()) + " sequences in both (" +
                     std::to_string(a.results.size() - left.size()) + " only in a, " +
                     std::to_string(b.results.size() - left.size()) +
                     " only in b); differences b - a with 95 % intervals over sequences\n\n";
  text += head({"", "a", "b", "b - a", "interval"});
  const auto line = [&](const std::string& name,
                        int digits,
                        const Statistic& of_first,
                        const Statistic& of_second) {
    const Statistic difference = [&](std::span<const int64_t> drawn) {
      return of_second(drawn) - of_first(drawn);
    };
    const Interval interval = bootstrap(first.categories(), difference, bootstrap_options);
    text += row({name,
                 fixed(of_first(all), digits),
                 fixed(of_second(all), digits),
                 fixed(difference(all), digits),
                 fixed(interval.low, digits) + " to " + fixed(interval.high, digits)});
  };
  for (size_t t = kThresholds_deg.size(); t-- > 0;) {
    line(
        "AUC@" + std::to_string(kThresholds_deg[t]),
        2,
        [&](std::span<const int64_t> drawn) { return 100 * first.at(t, drawn); },
        [&](std::span<const int64_t> drawn) { return 100 * second.at(t, drawn); });
  }
  const auto mean_line = [&](const std::string& name,
                             int digits,
                             double (*value)(const SequenceResult&),
                             double (*weight)(const SequenceResult&) = nullptr) {
    line(name, digits, mean_of_choice(left, value, weight), mean_of_choice(right, value, weight));
  };
  mean_line("ATE / extent", 4, ate_relative);
  mean_line("AbsRel, median scale", 4, abs_rel, depth_pixels);
  mean_line("chamfer", 4, chamfer);
  mean_line("seconds", 3, [](const SequenceResult& r) { return r.forward_seconds; });
  mean_line(
      "peak memory, GB", 3, [](const SequenceResult& r) { return r.peak_memory_bytes * 1e-9; });

  text += "\n" + head({"sequence", "truth", "AUC@30 a", "AUC@30 b", "b - a", "s a", "s b"});
  for (size_t i = 0; i < left.size(); ++i) {
    const double before = 100 * score_pairs(left[i].pairs).auc.back();
    const double after = 100 * score_pairs(right[i].pairs).auc.back();
    text += row({cell_text(left[i].sequence),
                 cell_text(left[i].trust),
                 fixed(before, 2),
                 fixed(after, 2),
                 fixed(after - before, 2),
                 fixed(left[i].forward_seconds, 3),
                 fixed(right[i].forward_seconds, 3)});
  }
  return text;
}

}  // namespace vggt::eval
