// SPDX-License-Identifier: Apache-2.0
#include "src/eval/sequence_result.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace vggt::eval {
namespace {

using Json = nlohmann::ordered_json;

double number(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

Json json_of(const MeanAndMedian& value) {
  return {{"mean", value.mean}, {"median", value.median}};
}

MeanAndMedian mean_and_median(const Json& json) {
  return {number(json.at("mean")), number(json.at("median"))};
}

Json json_of(const TrajectoryScores& scores) {
  return {{"scale", scores.truth_from_predicted.scale},
          {"rotation", scores.truth_from_predicted.rotation},
          {"translation", scores.truth_from_predicted.translation},
          {"degenerate_alignment", scores.degenerate_alignment},
          {"ate_rmse", scores.ate_rmse},
          {"ate_mean", scores.ate_mean},
          {"ate_median", scores.ate_median},
          {"ate_max", scores.ate_max},
          {"are_deg", scores.are_deg},
          {"rpe_translation", scores.rpe_translation},
          {"rpe_rotation_deg", scores.rpe_rotation_deg},
          {"aligned", scores.aligned}};
}

TrajectoryScores trajectory_from(const Json& json) {
  TrajectoryScores scores;
  scores.truth_from_predicted = {number(json.at("scale")),
                                 json.at("rotation").get<std::array<double, 9>>(),
                                 json.at("translation").get<std::array<double, 3>>()};
  scores.degenerate_alignment = json.at("degenerate_alignment").get<bool>();
  scores.ate_rmse = number(json.at("ate_rmse"));
  scores.ate_mean = number(json.at("ate_mean"));
  scores.ate_median = number(json.at("ate_median"));
  scores.ate_max = number(json.at("ate_max"));
  scores.are_deg = number(json.at("are_deg"));
  scores.rpe_translation = number(json.at("rpe_translation"));
  scores.rpe_rotation_deg = number(json.at("rpe_rotation_deg"));
  scores.aligned = json.at("aligned").get<std::vector<std::array<double, 3>>>();
  return scores;
}

Json json_of(const DepthScores& scores) {
  return {{"pixels", scores.pixels},
          {"abs_rel", scores.abs_rel},
          {"sq_rel", scores.sq_rel},
          {"rmse", scores.rmse},
          {"log_rmse", scores.log_rmse},
          {"delta", scores.delta}};
}

DepthScores depth_from(const Json& json) {
  DepthScores scores{json.at("pixels").get<int64_t>(),
                     number(json.at("abs_rel")),
                     number(json.at("sq_rel")),
                     number(json.at("rmse")),
                     number(json.at("log_rmse"))};
  for (size_t k = 0; k < 3; ++k) scores.delta[k] = number(json.at("delta").at(k));
  return scores;
}

Json json_of(const PointScores& scores) {
  Json f_scores = Json::array();
  for (const FScore& score : scores.f_scores) {
    f_scores.push_back({{"distance", score.distance},
                        {"precision", score.precision},
                        {"recall", score.recall},
                        {"f", score.f}});
  }
  return {{"predicted_points", scores.predicted_points},
          {"true_points", scores.true_points},
          {"accuracy", json_of(scores.accuracy)},
          {"completeness", json_of(scores.completeness)},
          {"normals", json_of(scores.normals)},
          {"chamfer", scores.chamfer},
          {"clipped_sum", scores.clipped_sum},
          {"f_scores", f_scores}};
}

PointScores points_from(const Json& json) {
  PointScores scores{json.at("predicted_points").get<int64_t>(),
                     json.at("true_points").get<int64_t>(),
                     mean_and_median(json.at("accuracy")),
                     mean_and_median(json.at("completeness")),
                     mean_and_median(json.at("normals")),
                     number(json.at("chamfer")),
                     number(json.at("clipped_sum"))};
  for (const Json& score : json.at("f_scores")) {
    scores.f_scores.push_back({number(score.at("distance")),
                               number(score.at("precision")),
                               number(score.at("recall")),
                               number(score.at("f"))});
  }
  return scores;
}

}  // namespace

double extent_of(const std::vector<std::array<double, 3>>& centres) {
  const auto n = static_cast<double>(centres.size());
  double squares = 0;
  for (size_t k = 0; k < 3; ++k) {
    double mean = 0;
    for (const auto& centre : centres) mean += centre[k] / n;
    for (const auto& centre : centres) squares += (centre[k] - mean) * (centre[k] - mean) / n;
  }
  return centres.empty() ? std::numeric_limits<double>::quiet_NaN() : std::sqrt(squares);
}

Json to_json(const SequenceResult& result) {
  Json rotation = Json::array();
  Json translation = Json::array();
  Json degenerate = Json::array();
  for (size_t k = 0; k < result.pairs.size(); ++k) {
    rotation.push_back(result.pairs[k].rotation_deg);
    translation.push_back(result.pairs[k].translation_deg);
    if (result.pairs[k].degenerate) degenerate.push_back(k);
  }
  Json json = {{"sequence", result.sequence},
               {"category", result.category},
               {"trust", result.trust},
               {"frames", result.frames},
               {"fingerprint", result.fingerprint},
               {"failure", result.failure},
               {"rotation_deg", rotation},
               {"translation_deg", translation},
               {"degenerate_pairs", degenerate},
               {"true_centres", result.true_centres},
               {"point_unit", result.point_unit},
               {"width_px", result.width_px},
               {"height_px", result.height_px},
               {"runs", result.runs},
               {"forward_seconds", result.forward_seconds},
               {"read_seconds", result.read_seconds},
               {"peak_memory_bytes", result.peak_memory_bytes}};
  if (result.trajectory) json["trajectory"] = json_of(*result.trajectory);
  json["depth"] = Json::object();
  for (const auto& [name, scores] : result.depth) json["depth"][name] = json_of(scores);
  if (result.points) json["points"] = json_of(*result.points);
  if (result.stretches) {
    json["stretches"] = {{"stretches", result.stretches->stretches},
                         {"translation_percent", result.stretches->translation_percent},
                         {"rotation_deg_per_metre", result.stretches->rotation_deg_per_metre}};
  }
  for (const auto& [name, scores] : result.scans) json["scans"][name] = json_of(scores);
  return json;
}

SequenceResult sequence_result_from(const Json& json) {
  SequenceResult result;
  result.sequence = json.at("sequence").get<std::string>();
  result.category = json.at("category").get<std::string>();
  result.trust = json.at("trust").get<std::string>();
  result.frames = json.at("frames").get<std::vector<int64_t>>();
  result.fingerprint = json.at("fingerprint").get<std::string>();
  result.failure = json.at("failure").get<std::string>();
  const Json& rotation = json.at("rotation_deg");
  const Json& translation = json.at("translation_deg");
  for (size_t k = 0; k < rotation.size(); ++k) {
    result.pairs.push_back({number(rotation.at(k)), number(translation.at(k))});
  }
  for (const Json& k : json.at("degenerate_pairs")) {
    result.pairs.at(k.get<size_t>()).degenerate = true;
  }
  result.true_centres = json.at("true_centres").get<std::vector<std::array<double, 3>>>();
  result.point_unit = number(json.at("point_unit"));
  result.width_px = json.at("width_px").get<int64_t>();
  result.height_px = json.at("height_px").get<int64_t>();
  result.runs = json.at("runs").get<int64_t>();
  result.forward_seconds = number(json.at("forward_seconds"));
  result.read_seconds = number(json.at("read_seconds"));
  result.peak_memory_bytes = number(json.at("peak_memory_bytes"));
  if (json.contains("trajectory")) result.trajectory = trajectory_from(json.at("trajectory"));
  for (const auto& [name, scores] : json.at("depth").items()) {
    result.depth.emplace_back(name, depth_from(scores));
  }
  if (json.contains("points")) result.points = points_from(json.at("points"));
  if (json.contains("stretches")) {
    const Json& stretches = json.at("stretches");
    result.stretches = {stretches.at("stretches").get<int64_t>(),
                        number(stretches.at("translation_percent")),
                        number(stretches.at("rotation_deg_per_metre"))};
  }
  if (json.contains("scans")) {
    for (const auto& [name, scores] : json.at("scans").items()) {
      result.scans.emplace_back(name, points_from(scores));
    }
  }
  return result;
}

}  // namespace vggt::eval
