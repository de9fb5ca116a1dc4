// SPDX-License-Identifier: Apache-2.0
#include "src/eval/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "src/eval/scores_by_sequence.h"

namespace vggt::eval {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Json percent(const ByThreshold& shares) {
  Json json;
  for (size_t t = 0; t < kThresholds_deg.size(); ++t) {
    json[std::to_string(kThresholds_deg[t])] = 100 * shares[t];
  }
  return json;
}

// Of the numbers that are there.
template <class Scores, class Value>
double mean_over(std::span<const Scores> all, const Value& value) {
  double sum = 0;
  int64_t count = 0;
  for (const Scores& scores : all) {
    const double each = value(scores);
    if (!std::isfinite(each)) continue;
    sum += each;
    ++count;
  }
  return count > 0 ? sum / static_cast<double>(count) : kNaN;
}

Json trajectory_json(std::span<const SequenceResult> results) {
  const auto mean = [&](auto value) {
    return mean_over(results, [&](const SequenceResult& result) {
      return result.trajectory ? value(result) : kNaN;
    });
  };
  const auto count = std::count_if(results.begin(), results.end(), [](const SequenceResult& r) {
    return r.trajectory.has_value();
  });
  return {{"sequences", count},
          {"ate_rmse", mean([](const auto& r) { return r.trajectory->ate_rmse; })},
          {"ate_relative", mean([](const auto& r) { return ate_relative(r); })},
          {"are_deg", mean([](const auto& r) { return r.trajectory->are_deg; })},
          {"rpe_translation", mean([](const auto& r) { return r.trajectory->rpe_translation; })},
          {"rpe_rotation_deg", mean([](const auto& r) { return r.trajectory->rpe_rotation_deg; })}};
}

Json depth_json(std::span<const SequenceResult> results) {
  Json json = Json::object();
  for (const char* name : {"median", "scale", "scale_shift"}) {
    std::vector<DepthScores> scores;
    for (const SequenceResult& result : results) {
      for (const auto& [alignment, depth] : result.depth) {
        if (alignment == name) scores.push_back(depth);
      }
    }
    if (scores.empty()) continue;
    const DepthScores mean = mean_of(scores);
    json[name] = {
        {"sequences", scores.size()},
        {"pixels", mean.pixels},
        {"abs_rel", mean.abs_rel},
        {"sq_rel", mean.sq_rel},
        {"rmse", mean.rmse},
        {"log_rmse", mean.log_rmse},
        {"delta_percent", {100 * mean.delta[0], 100 * mean.delta[1], 100 * mean.delta[2]}}};
  }
  return json;
}

// Over the stretches of all sequences, as the official program averages.
Json stretches_json(std::span<const SequenceResult> results) {
  int64_t count = 0;
  double translation = 0;
  double rotation = 0;
  for (const SequenceResult& result : results) {
    if (!result.stretches) continue;
    const auto weight = static_cast<double>(result.stretches->stretches);
    count += result.stretches->stretches;
    translation += weight * result.stretches->translation_percent;
    rotation += weight * result.stretches->rotation_deg_per_metre;
  }
  if (count == 0) return Json::object();
  return {{"stretches", count},
          {"translation_percent", translation / static_cast<double>(count)},
          {"rotation_deg_per_metre", rotation / static_cast<double>(count)}};
}

Json points_json(std::span<const PointScores> all) {
  const auto mean = [&](auto value) { return mean_over(all, value); };
  if (all.empty()) return Json::object();
  Json json = {{"sequences", all.size()},
               {"accuracy", mean([](const auto& p) { return p.accuracy.mean; })},
               {"accuracy_median", mean([](const auto& p) { return p.accuracy.median; })},
               {"completeness", mean([](const auto& p) { return p.completeness.mean; })},
               {"completeness_median", mean([](const auto& p) { return p.completeness.median; })},
               {"normal_consistency", mean([](const auto& p) { return p.normals.mean; })},
               {"normal_consistency_median", mean([](const auto& p) { return p.normals.median; })},
               {"chamfer", mean([](const auto& p) { return p.chamfer; })},
               {"clipped_sum", mean([](const auto& p) { return p.clipped_sum; })}};
  size_t distances = 0;
  for (const PointScores& scores : all) distances = std::max(distances, scores.f_scores.size());
  json["f_score_percent"] = Json::array();
  for (size_t k = 0; k < distances; ++k) {
    const auto of = [&](auto value) {
      return mean([&](const PointScores& p) {
        return k < p.f_scores.size() ? value(p.f_scores[k]) : kNaN;
      });
    };
    json["f_score_percent"].push_back({{"distance", of([](const FScore& f) { return f.distance; })},
                                       {"f", of([](const FScore& f) { return 100 * f.f; })}});
  }
  return json;
}

std::vector<PointScores> points_of(std::span<const SequenceResult> results) {
  std::vector<PointScores> points;
  for (const SequenceResult& result : results) {
    if (result.points) points.push_back(*result.points);
  }
  return points;
}

Json scans_json(std::span<const SequenceResult> results) {
  std::map<std::string, std::vector<PointScores>> by_alignment;
  for (const SequenceResult& result : results) {
    for (const auto& [name, scores] : result.scans) by_alignment[name].push_back(scores);
  }
  Json json = Json::object();
  for (const auto& [name, scores] : by_alignment) {
    json[name] = points_json(std::span<const PointScores>(scores));
  }
  return json;
}

bool has_baseline(const SequenceResult& result) {
  return std::any_of(result.pairs.begin(), result.pairs.end(), [](const PairError& pair) {
    return !pair.degenerate;
  });
}

// The scores of any set of sequences.
Json scores_json(std::span<const SequenceResult> results) {
  std::vector<SequencePairs> pairs;
  for (const SequenceResult& result : results) pairs.push_back({result.category, result.pairs});
  const PooledScores scores = pool(pairs);
  Json trapezoid;
  for (size_t t = 0; t < kAreaThresholds_deg.size(); ++t) {
    trapezoid[std::to_string(kAreaThresholds_deg[t])] = 100 * scores.mean.trapezoid_auc[t];
  }
  const std::vector<PointScores> points = points_of(results);
  double peak = kNaN;
  for (const SequenceResult& result : results) peak = std::fmax(peak, result.peak_memory_bytes);
  const auto failed = std::count_if(
      results.begin(), results.end(), [](const SequenceResult& r) { return !r.failure.empty(); });
  return {{"sequences", results.size()},
          {"failed_predictions", failed},
          {"categories", scores.categories.size()},
          {"pairs", scores.mean.pairs},
          {"degenerate_pairs", scores.mean.degenerate},
          {"auc_sequences", std::count_if(results.begin(), results.end(), has_baseline)},
          {"auc", percent(scores.mean.auc)},
          {"auc_pooled", percent(scores.pooled.auc)},
          {"auc_exact", percent(scores.mean.exact_auc)},
          {"auc_trapezoid", trapezoid},
          {"rra", percent(scores.mean.rra)},
          {"rta", percent(scores.mean.rta)},
          {"median_rotation_deg", scores.mean.median_rotation_deg},
          {"median_translation_deg", scores.mean.median_translation_deg},
          {"trajectory", trajectory_json(results)},
          {"depth", depth_json(results)},
          {"points", points_json(std::span<const PointScores>(points))},
          {"scans", scans_json(results)},
          {"stretches", stretches_json(results)},
          {"seconds", mean_over(results, [](const auto& r) { return r.forward_seconds; })},
          {"peak_memory_bytes", std::isfinite(peak) ? Json(static_cast<int64_t>(peak)) : Json()}};
}

// Puts the intervals of the means beside them, where there is a mean.
void add_intervals(std::span<const SequenceResult> results,
                   const BootstrapOptions& options,
                   Json& summary) {
  std::vector<std::string> categories;
  for (const SequenceResult& result : results) categories.push_back(result.category);
  const auto interval_of = [&](const Statistic& statistic) {
    const Interval interval = bootstrap(categories, statistic, options);
    return Json{interval.low, interval.high};
  };
  if (summary["trajectory"]["sequences"] != 0) {
    summary["trajectory"]["ate_relative_interval"] =
        interval_of(mean_of_choice(results, ate_relative));
  }
  if (summary["depth"].contains("median")) {
    summary["depth"]["median"]["abs_rel_interval"] =
        interval_of(mean_of_choice(results, abs_rel, depth_pixels));
  }
  if (summary["points"].contains("chamfer")) {
    summary["points"]["chamfer_interval"] = interval_of(mean_of_choice(results, chamfer));
  }
}

// In the order of their first sequence.
template <class Part>
std::vector<std::pair<std::string, std::vector<SequenceResult>>> parted(
    std::span<const SequenceResult> results, const Part& part) {
  std::vector<std::pair<std::string, std::vector<SequenceResult>>> parts;
  for (const SequenceResult& result : results) {
    auto found = std::find_if(
        parts.begin(), parts.end(), [&](const auto& p) { return p.first == part(result); });
    if (found == parts.end()) {
      parts.emplace_back(part(result), std::vector<SequenceResult>());
      found = parts.end() - 1;
    }
    found->second.push_back(result);
  }
  return parts;
}

}  // namespace

Json summarise(const Evaluation& evaluation, const BootstrapOptions& bootstrap) {
  Json summary = {{"dataset", evaluation.dataset}};
  const Json scores = scores_json(evaluation.results);
  for (const auto& [name, value] : scores.items()) {
    if (name == "categories") continue;  // the list of them comes below
    summary[name] = value;
    if (name != "auc") continue;
    const AucOfChoice choice(evaluation.results);
    for (size_t t = 0; t < kThresholds_deg.size(); ++t) {
      const Interval interval = choice.interval(t, bootstrap);
      summary["auc_intervals"][std::to_string(kThresholds_deg[t])] = {100 * interval.low,
                                                                      100 * interval.high};
    }
    summary["auc_mean_over_categories"] = value;
  }
  add_intervals(evaluation.results, bootstrap, summary);
  summary["left_out"] = Json::array();
  for (const LeftOut& left_out : evaluation.left_out) {
    summary["left_out"].push_back({{"sequence", left_out.sequence}, {"reason", left_out.reason}});
  }
  summary["problems"] = evaluation.problems;
  summary["by_trust"] = Json::object();
  for (const auto& [trust, results] :
       parted(evaluation.results, [](const SequenceResult& r) { return r.trust; })) {
    summary["by_trust"][trust] = scores_json(results);
  }
  summary["categories"] = Json::object();
  for (const auto& [category, results] :
       parted(evaluation.results, [](const SequenceResult& r) { return r.category; })) {
    Json entry = scores_json(results);
    entry.erase("categories");
    entry["trust"] = results.front().trust;
    entry["frames"] = results.front().frames.size();
    summary["categories"][category] = entry;
  }
  summary["bootstrap"] = {{"replicates", bootstrap.replicates},
                          {"seed", bootstrap.seed},
                          {"confidence", bootstrap.confidence}};
  summary.update(evaluation.facts);
  return summary;
}

}  // namespace vggt::eval
