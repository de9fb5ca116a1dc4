// SPDX-License-Identifier: Apache-2.0
#include "apps/bench_accel.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/accel_options.h"
#include "src/accel/automatic.h"
#include "src/accel/methods.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/synthetic.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kSeedOfScenes = 4242;

// What the model says of the frames.
struct Answer {
  at::Tensor tokens, pose, depth;
};

Answer answer_of(const Vggt& model, const nn::AggregatedTokens& tokens, const at::Tensor& images) {
  // Without dense heads only the camera tokens are kept.
  Answer answer{.tokens = tokens.layers.empty() ? tokens.camera : tokens.layers.rbegin()->second};
  if (model.camera_head) answer.pose = model.camera_head->forward(tokens.camera).back();
  if (model.depth_head) {
    StageProgress silent("depth head", images.size(1), {});
    answer.depth =
        model.depth_head->forward(tokens.layers, images.size(3), images.size(4), 1, silent).values;
  }
  return answer;
}

double error(const at::Tensor& of, const at::Tensor& truth) {
  if (!truth.defined()) return -1;
  const at::Tensor wide = truth.to(at::kDouble);
  return ((of.to(at::kDouble) - wide).norm() / wide.norm()).item<double>();
}

// The mean of the layers' shares of tokens that are kept.
double kept(const accel::MergeReport& report, int64_t accel::MergeRecord::*slots) {
  if (report.layers.empty()) return 1;
  double sum = 0;
  for (const accel::MergeRecord& record : report.layers) {
    sum += static_cast<double>(record.*slots) / static_cast<double>(record.rows);
  }
  return sum / static_cast<double>(report.layers.size());
}

double total(const accel::MergeReport& report, double accel::MergeRecord::*seconds) {
  double sum = 0;
  for (const accel::MergeRecord& record : report.layers) sum += record.*seconds;
  return sum;
}

bool has_ratio(const accel::MergeOptions& options) {
  accel::MergeOptions asked = options;
  asked.settings = {{"ratio", "1"}};
  try {
    accel::check(asked);
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

}  // namespace

std::vector<AccelVariant> accel_variants(const AccelPlan& plan, const std::string& weights) {
  std::vector<AccelVariant> variants = {{"none", {}}};
  const auto add = [&](AccelVariant variant) {
    find_predictor(variant.options, weights);
    accel::check(variant.options);
    variants.push_back(variant);
    if (!plan.both_biases || variant.options.method == "auto") return;
    const auto all = accel::describe(variant.options);
    const auto bias = std::find_if(
        all.begin(), all.end(), [](const auto& setting) { return setting.first == "bias"; });
    if (bias == all.end()) return;
    const std::string other = bias->second == "0" ? "1" : "0";
    variant.options.settings["bias"] = other;
    variant.name += " bias=" + other;
    variants.push_back(variant);
  };
  for (const std::string& name : plan.methods) {
    AccelVariant variant{name, {name, plan.settings}};
    for (const auto& [setting, value] : plan.settings) variant.name += " " + setting + "=" + value;
    if (plan.ratios.empty() || !has_ratio(variant.options)) {
      add(variant);
      continue;
    }
    for (const double ratio : plan.ratios) {
      AccelVariant at_ratio = variant;
      std::ostringstream text;
      text << ratio;
      at_ratio.options.settings["ratio"] = text.str();
      at_ratio.name += " ratio=" + text.str();
      add(at_ratio);
    }
  }
  return variants;
}

std::vector<AccelResult> measure_accel(const LoadedModel& loaded,
                                       int64_t frames,
                                       const BenchPlan& plan,
                                       const std::vector<AccelVariant>& asked,
                                       int64_t scenes,
                                       const ProgressCallback& progress) {
  const c10::InferenceMode inference;
  const Vggt& model = *loaded.model;
  const at::Tensor images = synthetic_images(frames, plan.height_px, plan.width_px, 0)
                                .to(loaded.device, model.aggregator->camera_token.scalar_type());
  const int64_t side = model.config.patch_size;
  const int64_t tokens =
      frames * (model.config.special_tokens() + plan.height_px / side * (plan.width_px / side));
  // What auto chooses is measured in its place.
  std::vector<AccelVariant> variants = asked;
  std::vector<std::string> reasons(variants.size());
  for (size_t i = 0; i < variants.size(); ++i) {
    accel::MergeReport chosen;
    variants[i].options = accel::resolved(variants[i].options,
                                          {.frames = frames,
                                           .tokens = tokens,
                                           .channels = model.config.embed_dim,
                                           .device = images.is_cuda() ? "cuda" : "cpu"},
                                          &chosen);
    reasons[i] = chosen.reason;
  }
  if (plan.warm_up) model.aggregator->encode(images.flatten(0, 1), progress, nullptr);
  StageProgress::Seconds encoding;
  const at::Tensor patches = model.aggregator->encode(images.flatten(0, 1), progress, &encoding);
  std::vector<AccelResult> results(variants.size());
  std::vector<std::vector<double>> seconds(variants.size());
  std::vector<int64_t> peaks(variants.size());
  Answer whole;
  for (int64_t run = plan.warm_up ? -1 : 0; run < plan.repeat; ++run) {
    for (size_t i = 0; i < variants.size(); ++i) {
      accel::MergeReport report;
      reset_peak_memory(loaded.device);
      const accel::MergeOptions& options = variants[i].options;
      StageProgress::Seconds stages = {encoding.front()};
      nn::AggregatedTokens tokens_out;
      if (accel::is_span(options)) {
        stages.clear();
        tokens_out = model.aggregator->forward(images, progress, &stages, options, &report);
      } else {
        tokens_out =
            model.aggregator->aggregate(images, patches, progress, &stages, options, &report);
      }
      if (run >= 0) seconds[i].push_back(stages.back().second);
      peaks[i] = std::max(peaks[i], peak_memory_bytes(loaded.device));
      report.reason = reasons[i];
      if (!report.reason.empty()) report.chosen = options;
      results[i].report = report;
      results[i].encoder_s = stages.front().second;
      if (run + 1 < plan.repeat) continue;
      const Answer answer = answer_of(model, tokens_out, images);
      if (i == 0) whole = answer;
      results[i].tokens_error = error(answer.tokens, whole.tokens);
      results[i].pose_error = error(answer.pose, whole.pose);
      results[i].depth_error = error(answer.depth, whole.depth);
    }
  }
  std::optional<train::Validation> held_out;
  if (scenes > 0) {
    train::Recipe recipe;
    recipe.validation = {.scenes = scenes, .frames = frames, .seed = kSeedOfScenes};
    recipe.data.sizes_px = {{plan.height_px, plan.width_px}};
    held_out.emplace(recipe);
  }
  for (size_t i = 0; i < variants.size(); ++i) {
    results[i].time = bench_result(variants[i].name, frames, "fast", seconds[i]);
    results[i].time.peak_bytes = peaks[i];
    results[i].time.speedup = results[0].time.median_s / results[i].time.median_s;
    results[i].whole_speedup = (results[0].time.median_s + results[0].encoder_s) /
                               (results[i].time.median_s + results[i].encoder_s);
    results[i].options = variants[i].options;
    results[i].tokens = tokens;
    if (held_out) results[i].scores = held_out->score(model, variants[i].options);
  }
  return results;
}

std::string auto_table_with(const std::string& path,
                            const std::vector<AccelResult>& results,
                            const LoadedModel& loaded) {
  std::vector<accel::SpeedLine> speeds;
  // The least over the numbers of frames.
  std::map<std::string, accel::QualityLine> qualities;
  const AccelResult* whole = nullptr;
  for (const AccelResult& result : results) {
    if (!result.options.is_on() && result.report.reason.empty()) whole = &result;
    if (!result.options.is_on() || !result.report.reason.empty()) continue;
    accel::MergeOptions options = result.options;
    options.settings.erase("predictor");
    speeds.push_back({options,
                      loaded.device.is_cuda() ? "cuda" : "cpu",
                      loaded.model->config.embed_dim,
                      result.tokens,
                      result.whole_speedup});
    if (!result.scores || !whole || !whole->scores) continue;
    const double poses = result.scores->poses.auc.back() / whole->scores->poses.auc.back();
    const double depth = whole->scores->depth_abs_rel / result.scores->depth_abs_rel;
    const double quality = std::min(poses, depth);
    if (!std::isfinite(quality)) continue;
    const auto [line, is_new] = qualities.try_emplace(
        result.time.name,
        accel::QualityLine{
            options, std::filesystem::path(loaded.weights).filename().string(), quality});
    if (!is_new) line->second.quality = std::min(line->second.quality, quality);
  }
  std::vector<accel::QualityLine> lines;
  for (const auto& [name, line] : qualities) lines.push_back(line);
  return accel::table_with(path, speeds, lines);
}

Json to_json(const AccelResult& result) {
  const BenchResult& time = result.time;
  Json json = {{"name", "aggregator"},
               {"frames", time.frames},
               {"method", result.options.method},
               {"settings", Json::object()},
               {"runs", time.runs},
               {"median_s", time.median_s},
               {"min_s", time.min_s},
               {"p90_s", time.p90_s},
               {"speedup", *time.speedup},
               {"encoder_s", result.encoder_s},
               {"whole_speedup", result.whole_speedup},
               {"tokens", result.tokens},
               {"peak_bytes", time.peak_bytes},
               {"queries_kept", kept(result.report, &accel::MergeRecord::q_slots)},
               {"keys_kept", kept(result.report, &accel::MergeRecord::kv_slots)},
               {"tokens_error", result.tokens_error}};
  const Json described = to_json(result.options);
  if (described.contains("settings")) json["settings"] = described["settings"];
  if (result.pose_error >= 0) json["pose_error"] = result.pose_error;
  if (result.depth_error >= 0) json["depth_error"] = result.depth_error;
  if (const auto ratio = result.options.settings.find("ratio");
      ratio != result.options.settings.end()) {
    json["ratio"] = std::stod(ratio->second);
  }
  if (result.scores) {
    for (size_t i = 0; i < eval::kThresholds_deg.size(); ++i) {
      json["auc_" + std::to_string(eval::kThresholds_deg[i])] = 100 * result.scores->poses.auc[i];
    }
    json["depth_abs_rel"] = result.scores->depth_abs_rel;
  }
  json["merging"] = to_json(result.report);
  return json;
}

std::string table_of_accel(const std::vector<AccelResult>& results) {
  const auto percent = [](double share) { return short_number(100 * share) + " %"; };
  const auto or_dash = [&](double share) { return share < 0 ? "-" : percent(share); };
  std::vector<std::vector<std::string>> rows;
  for (const AccelResult& result : results) {
    const accel::MergeReport& report = result.report;
    const bool merged = result.options.is_on();
    const auto part = [&](double value) { return merged ? short_number(value) : "-"; };
    rows.push_back({result.time.name,
                    std::to_string(result.time.frames),
                    short_number(result.time.median_s),
                    short_number(*result.time.speedup),
                    percent(kept(report, &accel::MergeRecord::q_slots)),
                    percent(kept(report, &accel::MergeRecord::kv_slots)),
                    part(report.setup_s + total(report, &accel::MergeRecord::plan_s)),
                    part(total(report, &accel::MergeRecord::attention_s)),
                    part(total(report, &accel::MergeRecord::restore_s)),
                    short_number(static_cast<double>(result.time.peak_bytes) * 1e-6),
                    percent(result.tokens_error),
                    or_dash(result.pose_error),
                    or_dash(result.depth_error),
                    short_number(result.encoder_s),
                    result.scores ? short_number(100 * result.scores->poses.auc.back()) : "-",
                    result.scores ? short_number(result.scores->depth_abs_rel) : "-"});
  }
  return markdown({"method",
                   "frames",
                   "s",
                   "speed-up",
                   "queries",
                   "keys",
                   "plan s",
                   "attention s",
                   "restore s",
                   "MB",
                   "tokens off",
                   "poses off",
                   "depth off",
                   "encoder s",
                   "AUC@30",
                   "AbsRel"},
                  rows);
}

}  // namespace vggt::apps
